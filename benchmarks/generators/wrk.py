"""wrk, a load generator in C for HTTP/1.1; a script of a few lines gives it the request."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.generators.reading import Missing, Reading
from benchmarks.generators.tool import run_tool

if TYPE_CHECKING:
    from benchmarks.generators.targets import Target

__all__ = ["by_wrk"]

_REQUESTS = re.compile(r"(\d+) requests in ")
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_PERCENTILE = r"\n\s+{}%\s+([\d.]+)(us|ms|s)\n"
_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: .*")
_SCRIPT = """
wrk.method = 'POST'
wrk.body = '{body}'
wrk.headers['Content-Type'] = 'application/json'
"""
_US = {"us": 1.0, "ms": 1e3, "s": 1e6}


def by_wrk(target: Target, *, concurrency: int, seconds: float) -> Reading:
    """Return what wrk measures from one thread; it takes whole seconds.

    Raises:
        Missing: it is not installed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise Missing("not installed (Debian: wrk)")
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "post.lua"
        script.write_text(_SCRIPT.format(body=target.body.decode()))
        command = [program, "-t1", f"-c{concurrency}", f"-d{max(1, round(seconds))}s", "--latency", f"-s{script}"]
        run = run_tool([*command, target.url], target)
    n = float(_found(_REQUESTS, run.said)[1])
    bad = _BAD.search(run.said)
    return Reading(
        rate_per_s=float(_found(_RATE, run.said)[1]),
        p50_us=_latency_us(50, run.said),
        p99_us=_latency_us(99, run.said),
        generator_cpu_us=run.generator_cpu_s * 1e6 / n,
        server_cpu_us=run.server_cpu_s * 1e6 / n,
        errors=int(bad[1] or 1) if bad else 0,
    )


def _latency_us(percent: int, said: str) -> float:
    found = _found(re.compile(_PERCENTILE.format(percent)), said)
    return float(found[1]) * _US[found[2]]


def _found(pattern: re.Pattern[str], said: str) -> re.Match[str]:
    found = pattern.search(said)
    if found is None:
        raise RuntimeError(f"wrk said nothing like {pattern.pattern!r}:\n{said[-2_000:]}")
    return found
