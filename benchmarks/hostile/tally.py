"""What came back of all that was sent."""

from __future__ import annotations

import collections
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Tally"]

_ROOT = Path(__file__).parents[2]
# What no reply may hold: a place in a file system, or Python's inside.
_LEAK = re.compile(
    rb'Traceback|File \\?"|\.py\b|site-packages|/usr/lib|/home/|/root/|'
    + re.escape(str(_ROOT).encode())
    + rb"|"
    + re.escape(tempfile.gettempdir().encode() + b"/")
)


@dataclass
class Tally:
    """What came back."""

    replies: collections.Counter[str] = field(default_factory=collections.Counter)
    leaks: list[bytes] = field(default_factory=list)
    wrong_probes: list[str] = field(default_factory=list)
    slowest_probe_s: float = 0.0
    peak_rss_bytes: int = 0

    def take(self, kind: str, reply: bytes) -> None:
        """Count a reply by its status line, and look for leaks."""
        status = reply.split(b"\r\n", 1)[0][9:12].decode(errors="replace") if reply else "closed"
        self.replies[f"{kind} {status}"] += 1
        if _LEAK.search(reply):
            self.leaks.append(reply[:500])
