"""Temporary directories that no ended process leaves behind.

Their names say which process made them. So a guard removes them when that process is gone, however it ended, and the
next run removes those whose guard was killed as well.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.processes import start_of, surroundings_of_processes

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["remove_own_scratch", "scratch", "scratch_directory", "scratch_prefix"]

_NAME = "tfserving-harness"


def scratch_prefix() -> str:
    """Return how the paths of this process's temporary directories begin."""
    pid = os.getpid()
    return str(Path(tempfile.gettempdir(), f"{_NAME}-{_here()}-{pid}-{start_of(pid)}-"))


def scratch_directory() -> Path:
    """Make a temporary directory, after those of ended processes were removed; who asked for it removes it."""
    _remove_abandoned()
    return Path(tempfile.mkdtemp(prefix=scratch_prefix()))


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary directory that is gone when the block ends, or at the latest with the next run's first."""
    folder = scratch_directory()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_own_scratch() -> None:
    """Remove what this process still has."""
    prefix = Path(scratch_prefix())
    for path in prefix.parent.glob(f"{prefix.name}*"):
        shutil.rmtree(path, ignore_errors=True)


def _remove_abandoned() -> None:
    """Remove the directories of processes that are surely gone: those of other process namespaces may be alive."""
    here = _here()
    for path in Path(tempfile.gettempdir()).glob(f"{_NAME}-{here}-*-*-*"):
        _, _, rest = path.name.partition(f"{_NAME}-{here}-")
        pid, start, _ = rest.split("-", 2)
        if pid.isdigit() and start_of(int(pid)) != start:
            shutil.rmtree(path, ignore_errors=True)


def _here() -> str:
    """Return the number of the namespace, as in ``pid:[4026531836]``; 0 where there are none."""
    return "".join(filter(str.isdigit, surroundings_of_processes()["namespace"])) or "0"
