"""Temporary directories that no ended process leaves behind.

Their names say which process made them. So a guard removes them when that process is gone, however it ended, and the
next run removes those whose guard was killed as well.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from harness.servers.owners import Owner, start_of

__all__ = ["remove_own_scratch", "scratch_directory", "scratch_prefix"]

_NAME = "tfserving-harness"


def scratch_prefix() -> str:
    """Return how the paths of this process's temporary directories begin."""
    me = Owner.me()
    return str(Path(tempfile.gettempdir(), f"{_NAME}-{_inode(me.namespace)}-{me.pid}-{me.start}-"))


def scratch_directory() -> Path:
    """Make a temporary directory, after those of ended processes were removed; who asked for it removes it."""
    _remove_abandoned()
    return Path(tempfile.mkdtemp(prefix=scratch_prefix()))


def remove_own_scratch() -> None:
    """Remove what this process still has."""
    prefix = Path(scratch_prefix())
    for path in prefix.parent.glob(f"{prefix.name}*"):
        shutil.rmtree(path, ignore_errors=True)


def _remove_abandoned() -> None:
    """Remove the directories of processes that are surely gone: those of other process namespaces may be alive."""
    here = _inode(Owner.me().namespace)
    for path in Path(tempfile.gettempdir()).glob(f"{_NAME}-{here}-*-*-*"):
        _, _, rest = path.name.partition(f"{_NAME}-{here}-")
        pid, start, _ = rest.split("-", 2)
        if pid.isdigit() and start_of(int(pid)) != start:
            shutil.rmtree(path, ignore_errors=True)


def _inode(namespace: str) -> str:
    """Return the number in ``pid:[4026531836]``; 0 where there are no namespaces."""
    return "".join(filter(str.isdigit, namespace)) or "0"
