"""Processes that a benchmark starts: on processors of their own, waited for until they listen, ended for sure."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from harness.servers.ports import is_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["generator_cores", "on_cores", "running", "server_cores"]

_ROOT = Path(__file__).parents[1]
_START_S = 120.0


def generator_cores() -> set[int]:
    """Return the one processor of load generators: the first that this process may use."""
    return {min(os.sched_getaffinity(0))}


def server_cores() -> set[int]:
    """Return the processors of servers: all others, or the same one where there is no other."""
    return os.sched_getaffinity(0) - generator_cores() or generator_cores()


@contextlib.contextmanager
def on_cores(cores: Iterable[int]) -> Iterator[None]:
    """Start what is started within on these processors: children inherit them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def running(command: Sequence[str], port: int, *, cores: Iterable[int] | None = None) -> Iterator[psutil.Process]:
    """Start a process in the repository's folder, on these processors, and wait until it listens; end it afterwards."""
    with tempfile.TemporaryFile() as said:
        with on_cores(os.sched_getaffinity(0) if cores is None else cores):
            child = subprocess.Popen(command, cwd=_ROOT, stdout=said, stderr=said)
        try:
            deadline_s = time.monotonic() + _START_S
            while not is_open(port):
                if child.poll() is not None or time.monotonic() > deadline_s:
                    said.seek(0)
                    tail = said.read().decode(errors="replace")[-2_000:]
                    sys.exit(f"{' '.join(command)} did not start; its exit code is {child.poll()}\n{tail}")
                time.sleep(0.05)
            yield psutil.Process(child.pid)
        finally:
            child.kill()
            child.wait()
