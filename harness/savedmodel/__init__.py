"""SavedModels on disk: write them, look them over before a server does, warm them up, keep them in a cache.

Importing this imports no TensorFlow; only ``export`` and ``export_v1`` do, when they are called.
"""

from __future__ import annotations

from harness.savedmodel.export import export
from harness.savedmodel.export_v1 import GraphSignature, export_v1
from harness.savedmodel.warmup import read_warmup, write_warmup

__all__ = ["GraphSignature", "export", "export_v1", "read_warmup", "write_warmup"]
