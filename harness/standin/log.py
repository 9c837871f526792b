"""The log on stderr, in the layout of the genuine server's lines (behaviour items 16 to 21).

Tools that wait for a server look for its texts, e.g. ``Exporting HTTP/REST API at:localhost:8501 ...``.
"""

from __future__ import annotations

import os
import sys
import time

__all__ = ["error", "info", "warning"]


def _write(letter: str, source: str, text: str) -> None:
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    line = f"{stamp}.{int(now % 1 * 1e6):06d}: {letter} harness/standin/{source}] {text}\n"
    try:
        os.write(sys.stderr.fileno(), line.encode(errors="surrogateescape"))
    except (OSError, ValueError):
        return  # a closed stderr must not end the server


def info(source: str, text: str) -> None:
    """Log what happened; ``source`` is the module that says so, e.g. ``manager.py``."""
    _write("I", source, text)


def warning(source: str, text: str) -> None:
    """Log what looks wrong but is borne."""
    _write("W", source, text)


def error(source: str, text: str) -> None:
    """Log what went wrong."""
    _write("E", source, text)
