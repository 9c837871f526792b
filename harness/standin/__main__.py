"""``python -m harness.standin``: tensorflow_model_server's command line, answered by this stand-in."""

from __future__ import annotations

import os
import sys

from harness.standin.main import main

if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # threads of TensorFlow and gRPC need not be waited for
