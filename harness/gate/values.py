"""The metrics of one side's load runs taken together. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.stats import summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from harness.load import LoadResult

__all__ = ["latencies_ns", "values_of"]


def values_of(results: Sequence[LoadResult]) -> dict[str, float]:
    """Return the metrics by name; those that cannot be known, or not well enough, are left out.

    Args:
        results: of one side and one load, at least one.
    """
    rate = sum(each.n for each in results) / sum(each.duration_s for each in results)
    values = {
        "cpu_us": _cpu_us(results),
        "rate_per_s": rate if results[0].arrivals is None else None,  # in open loop it is what was asked for
    }
    latency_ns = latencies_ns(results)
    for each in summarise(latency_ns).percentiles if latency_ns.size else ():
        if each.percent in (50.0, 99.0):
            values[f"p{each.percent:g}_ns"] = each.value_ns
    return {name: value for name, value in values.items() if value}


def latencies_ns(results: Sequence[LoadResult]) -> npt.NDArray[np.int64]:
    """Return the latencies of all answered requests; int64, shape [their number]."""
    return np.concatenate([each.samples.latency_ns for each in results])


def _cpu_us(results: Sequence[LoadResult]) -> float | None:
    used_us = [(each.server_cpu_us_per_request, len(each.samples)) for each in results if len(each.samples)]
    known_us = [each_us * requests for each_us, requests in used_us if each_us is not None]
    return sum(known_us) / sum(n for _, n in used_us) if used_us and len(known_us) == len(used_us) else None
