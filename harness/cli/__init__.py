"""The command line ``tfserving-harness``: one module for each command.

Exit codes: 0 success, 1 a check failed, 3 it could not run (bad usage, no such path, no backend), 130 Ctrl-C.
"""

from harness.cli.main import main

__all__ = ["main"]
