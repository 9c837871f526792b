"""h2load, nghttp2's load generator in C: gRPC calls as HTTP/2 requests whose body is a framed message.

It looks at HTTP statuses, not at ``grpc-status``. It tells no percentiles, but logs each request if asked: as that
costs a system call each, the log is of a run of its own.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.generators.reading import Missing, Reading
from benchmarks.generators.targets import framed
from benchmarks.generators.tool import run_tool

if TYPE_CHECKING:
    from benchmarks.generators.targets import Target

__all__ = ["by_h2load"]

_LOGGED_S = 1.0
_REQUESTS = re.compile(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded")
_RATE = re.compile(r"finished in [\d.]+\w+, ([\d.]+) req/s")
_STATUS_2XX = re.compile(r"status codes: (\d+) 2xx")


def by_h2load(target: Target, *, concurrency: int, seconds: float) -> Reading:
    """Return what h2load measures on one connection.

    Raises:
        Missing: it is not installed.
    """
    program = shutil.which("h2load")
    if program is None:
        raise Missing("not installed (Debian: nghttp2-client)")
    with tempfile.TemporaryDirectory() as name:
        body, log = Path(name) / "body", Path(name) / "log"
        body.write_bytes(framed(target.body))
        command = [program, "-c1", "-t1", f"-m{concurrency}", f"-d{body}"]
        command += ["-Hcontent-type: application/grpc", "-Hte: trailers"]
        run = run_tool([*command, f"-D{round(seconds * 1000)}ms", target.url], target)
        run_tool([*command, f"-D{round(_LOGGED_S * 1000)}ms", f"--log-file={log}", target.url], target)
        latencies_us = np.loadtxt(log, usecols=2, ndmin=1)
    requests, rate, good = (_found(pattern, run.said) for pattern in (_REQUESTS, _RATE, _STATUS_2XX))
    n = requests or 1
    p50, p99 = np.percentile(latencies_us, [50, 99])
    return Reading(
        rate_per_s=rate,
        p50_us=float(p50),
        p99_us=float(p99),
        generator_cpu_us=run.generator_cpu_s * 1e6 / n,
        server_cpu_us=run.server_cpu_s * 1e6 / n,
        errors=round(requests - good),
    )


def _found(pattern: re.Pattern[str], said: str) -> float:
    found = pattern.search(said)
    if found is None:
        raise RuntimeError(f"h2load said nothing like {pattern.pattern!r}:\n{said[-2_000:]}")
    return float(found[1])
