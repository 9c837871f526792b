"""The metrics a gate compares: one table, a row each. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["METRICS", "Metric", "choose_metrics", "parse_tolerance"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number of a block or of a start, and what is tolerated of it.

    Attributes:
        name: as it is typed.
        title: as it is read.
        unit: of its values.
        tolerance: how much worse is tolerated, as a share of the baseline.
        lower_is_better: whether a larger value is worse.
        decides: whether the verdict waits until this metric is settled. One that is too coarse or too noisy for that
            still fails the gate when it is clearly worse.
        per_start: whether a start of the server gives one value, instead of each block.
    """

    name: str
    title: str
    unit: str
    tolerance: float
    lower_is_better: bool = True
    decides: bool = False
    per_start: bool = False


METRICS = (
    Metric(name="cpu_us", title="server CPU per request", unit="us", tolerance=0.05, decides=True),
    Metric(name="p50_ns", title="median latency", unit="ns", tolerance=0.05, decides=True),
    Metric(name="rate_per_s", title="throughput", unit="1/s", tolerance=0.05, lower_is_better=False, decides=True),
    Metric(name="p99_ns", title="p99 latency", unit="ns", tolerance=0.20),
    Metric(name="memory_bytes", title="peak memory", unit="bytes", tolerance=0.10, per_start=True),
    Metric(name="ready_s", title="start to ready", unit="s", tolerance=0.25, per_start=True),
    Metric(name="load_s", title="model load", unit="s", tolerance=0.25, per_start=True),
)


def choose_metrics(tolerances: Mapping[str, float]) -> tuple[Metric, ...]:
    """Return the metrics with the tolerances a user wants.

    Args:
        tolerances: by metric, as a share, e.g. ``{"p50_ns": 0.1}``.

    Raises:
        UsageError: no such metric, or a tolerance that makes no sense.
    """
    known = {metric.name: metric for metric in METRICS}
    for name, tolerance in tolerances.items():
        if name not in known:
            raise UsageError(f"there is no metric {name!r} to tolerate; there are {', '.join(known)}")
        if not 0 < tolerance <= 10:
            raise UsageError(f"the tolerance of {name} must lie between 0 and 1000 %, got {tolerance:.4g}")
    return tuple(replace(metric, tolerance=tolerances.get(metric.name, metric.tolerance)) for metric in METRICS)


def parse_tolerance(text: str, option: str) -> tuple[str, float]:
    """Read ``p50_ns=10%`` or ``p50_ns=0.1``.

    Raises:
        UsageError: another form.
    """
    found = re.fullmatch(r"(\w+)=([0-9]*\.?[0-9]+)(%?)", text)
    if found is None:
        raise UsageError(f"{option} {text!r} should be a metric and a share, e.g. p50_ns=10%")
    return found[1], float(found[2]) / (100 if found[3] else 1)
