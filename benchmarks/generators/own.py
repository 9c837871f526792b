"""Our engines, and the reference implementations behind the same seam, as generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.children import generator_cores, on_cores
from benchmarks.generators.reading import Reading
from harness.load import run_load

if TYPE_CHECKING:
    from benchmarks.generators.targets import Target

__all__ = ["by_engine"]

_WARMUP_S = 1.0


def by_engine(name: str, target: Target, *, concurrency: int, seconds: float) -> Reading:
    """Return what an engine of `harness.load` measures in a closed loop."""
    with on_cores(generator_cores()):
        result = run_load(
            target.endpoint,
            [target.body],
            api=target.api,
            engine=name,
            concurrency=concurrency,
            duration_s=seconds,
            warmup_s=_WARMUP_S,
            usage=target.usage,
        )
    latency_us = result.samples.latency_ns / 1e3
    p50, p99 = np.percentile(latency_us, [50, 99]) if latency_us.size else (0.0, 0.0)
    return Reading(
        rate_per_s=result.rate_per_s,
        p50_us=float(p50),
        p99_us=float(p99),
        generator_cpu_us=result.generator_cpu_us_per_request or 0.0,
        server_cpu_us=result.server_cpu_us_per_request or 0.0,
        errors=sum(result.errors.values()),
    )
