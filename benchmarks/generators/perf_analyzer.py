"""NVIDIA's perf_analyzer, a load generator in C++ on gRPC's own library: its ``--service-kind tfserving``.

It knows that kind in synchronous mode alone, a thread for each request in flight. It asks for the model's signature
first, then draws three numbers for the input x.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.generators.reading import Missing, Reading
from benchmarks.generators.targets import MODEL
from benchmarks.generators.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.generators.targets import Target

__all__ = ["by_perf_analyzer"]

_COUNT = re.compile(r"Request count: (\d+)")
_WINDOWS = 3  # it wants three that agree; here it takes any three
_ANY_SPREAD = 1_000


def by_perf_analyzer(program: str | None, target: Target, *, concurrency: int, seconds: float) -> Reading:
    """Return what perf_analyzer measures.

    Args:
        program: where it is, None to look for it on PATH.
        target: the server.
        concurrency: requests in flight.
        seconds: of its measurement.

    Raises:
        Missing: it is not installed, or does not start.
    """
    found = shutil.which(program or "perf_analyzer")
    if found is None:
        raise Missing("not found: give its path as --perf-analyzer; it is in the wheel tritonclient 2.48.0")
    environment = _environment(Path(found))
    _check(found, environment)
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "table.csv"
        command = [
            found,
            f"-m{MODEL}",
            "--service-kind=tfserving",
            "-igrpc",
            f"-u127.0.0.1:{target.port}",
            "--shape=x:3",
        ]
        command += [f"--concurrency-range={concurrency}", f"--max-threads={concurrency}", f"-f{table}"]
        command += [f"-p{round(seconds * 1000 / _WINDOWS)}", f"-r{_WINDOWS}", f"-s{_ANY_SPREAD}"]
        run = run_tool(command, target, environment=environment)
        (row,) = csv.DictReader(table.open())
    count = _COUNT.search(run.said)
    n = int(count[1]) if count else 1
    return Reading(
        rate_per_s=float(row["Inferences/Second"]),
        p50_us=float(row["p50 latency"]),
        p99_us=float(row["p99 latency"]),
        generator_cpu_us=run.generator_cpu_s * 1e6 / n,
        server_cpu_us=run.server_cpu_s * 1e6 / n,
    )


def _environment(program: Path) -> dict[str, str]:
    """Return where its libraries are: CUDA's runtime, installed beside it as a wheel, and what was set already."""
    beside = program.resolve().parents[1].glob("lib/python*/site-packages/nvidia/cuda_runtime/lib")
    paths = [*map(str, beside), os.environ.get("LD_LIBRARY_PATH", "")]
    return {"LD_LIBRARY_PATH": ":".join(path for path in paths if path)}


def _check(program: str, environment: Mapping[str, str]) -> None:
    """Refuse one that does not start: it wants libraries that its wheel does not bring."""
    answer = subprocess.run(
        [program, "--version"], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if answer.returncode == 127 or "shared librar" in answer.stderr:
        raise Missing(f"it does not start: {answer.stderr.strip()}")
