"""Keeping the cache of exports small: entries not used for long go, then those used longest ago until it fits.

An entry used within the last day stays whatever the bounds say: a server may be about to load it. An entry goes by
being renamed out of sight first, so that no process ever sees half of one.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ENTRY_FILE", "MAX_AGE_S", "MAX_SIZE_BYTES", "prune"]

ENTRY_FILE = "entry.json"
MAX_SIZE_BYTES = 2 * 1024**3
MAX_AGE_S = 30 * 24 * 3600.0
_SAFE_AGE_S = 24 * 3600.0


@dataclass(frozen=True)
class _Entry:
    path: Path
    unused_s: float
    size_bytes: int


def prune(exports: Path, *, max_size_bytes: int = MAX_SIZE_BYTES, max_age_s: float = MAX_AGE_S) -> None:
    """Remove what is too old or too much. Only one process prunes at a time; the others leave it to that one."""
    try:
        with FileLock(str(exports / ".prune.lock"), timeout=0):
            now_s = time.time()
            for entry in _too_many(_entries(exports, now_s), max_size_bytes, max_age_s):
                _remove(entry.path)
            _remove_leftovers(exports, now_s)
    except Timeout:
        return


def _too_many(entries: list[_Entry], max_size_bytes: int, max_age_s: float) -> list[_Entry]:
    """Return the entries to remove, those used longest ago first."""
    total = sum(entry.size_bytes for entry in entries)
    removed = []
    for entry in sorted(entries, key=lambda entry: entry.unused_s, reverse=True):
        if entry.unused_s <= _SAFE_AGE_S or (entry.unused_s <= max_age_s and total <= max_size_bytes):
            continue
        removed.append(entry)
        total -= entry.size_bytes
    return removed


def _entries(exports: Path, now_s: float) -> list[_Entry]:
    found = []
    for path in exports.iterdir():
        if path.name.startswith(".") or not path.is_dir():
            continue
        stamp = path / ENTRY_FILE
        used_s = (stamp if stamp.exists() else path).stat().st_mtime
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        found.append(_Entry(path, now_s - used_s, size))
    return found


def _remove(path: Path) -> None:
    """Take the entry's own lock, so that nobody is building it; one that is being built is in use."""
    lock = path.parent / f".{path.name}.lock"
    with suppress(Timeout, FileNotFoundError), FileLock(str(lock), timeout=0):
        gone = path.parent / f".gone-{os.getpid()}-{path.name}"
        os.rename(path, gone)  # noqa: PTH104 - Path.rename reads as if it could replace the target
        shutil.rmtree(gone, ignore_errors=True)


def _remove_leftovers(exports: Path, now_s: float) -> None:
    """Clear away what killed processes left: unfinished builds, and locks of entries that are long gone.

    A lock file removed under a waiting process costs at most a second build, as entries appear by renaming.
    """
    for path in exports.iterdir():
        age_s = now_s - path.stat().st_mtime
        if age_s <= _SAFE_AGE_S:
            continue
        if path.name.startswith((".building-", ".gone-", ".old-")):
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix == ".lock" and not (exports / path.stem.removeprefix(".")).exists():
            path.unlink(missing_ok=True)
