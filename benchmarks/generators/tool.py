"""Tool: a load generator that is a program of its own, run on the generators' core with its processor time taken."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.children import generator_cores, on_cores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.generators.targets import Target

__all__ = ["Run", "run_tool"]

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a program said, and the processor time that it and the server took meanwhile, its start included."""

    said: str
    generator_cpu_s: float
    server_cpu_s: float


def run_tool(command: Sequence[str], target: Target, *, environment: Mapping[str, str] | None = None) -> Run:
    """Run a load generator against a server.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    before_us = target.usage().cpu_us
    with tempfile.TemporaryFile() as output:
        with on_cores(generator_cores()):
            child = subprocess.Popen(
                command,
                cwd=_ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} exited with code {child.returncode}\n{said[-2_000:]}")
    cpu_s = (target.usage().cpu_us - before_us) / 1e6
    return Run(said=said, generator_cpu_s=used.ru_utime + used.ru_stime, server_cpu_s=cpu_s)
