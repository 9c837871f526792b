"""What a gate found: two servers measured side by side in one run, metric by metric, and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["GateVerdict", "Gated", "MetricRatio", "Trend", "TrendPoint"]

GateVerdict = Literal["pass", "regressed", "improved", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class MetricRatio:
    """One metric of the candidate against the baseline's.

    Attributes:
        metric: its name, e.g. ``cpu_us``.
        title: its name for people, e.g. ``server CPU per request``.
        unit: of `baseline` and `candidate`, e.g. ``us``.
        lower_is_better: whether a larger value is worse.
        baseline: the baseline's median.
        candidate: the candidate's median.
        ratio: the estimate of candidate / baseline, from the pairs; above 1 is more, not always worse.
        low: lower end of its 95 % interval, None where there are too few pairs for one.
        high: upper end.
        tolerance: how much worse is tolerated, as a share.
        floor: the smallest change that this run could have seen: what two measurements of the same server differed by.
        pairs: how many pairs of measurements.
        verdict: of this metric.
        decides: whether the whole verdict waits for this metric; if not, only its regression counts.
        why: in words.
        ratios: candidate / baseline of each pair, in order.
    """

    metric: str
    title: str
    unit: str
    lower_is_better: bool
    baseline: float
    candidate: float
    ratio: float
    tolerance: float
    floor: float
    pairs: int
    verdict: GateVerdict
    low: float | None = None
    high: float | None = None
    decides: bool = True
    why: str = ""
    ratios: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Gated:
    """A gate's run.

    Attributes:
        model: the servable's name.
        baseline: what was the measure, for people, e.g. ``digits version 1, standin``.
        candidate: what was measured against it.
        api: ``grpc`` or ``rest``.
        verdict: of the whole.
        explanation: the verdict in a few lines.
        metrics: one row each.
        budgets: promises and whether each was kept, e.g. ``p99 <= 20 ms`` to ``kept: 12.3 ms``.
        correctness: ways in which the candidate answers otherwise than it should; any is a regression.
        pairs: pairs of blocks that counted.
        voided: pairs that were measured again, by reason.
        restarts: how often both servers were started.
        confirmed: whether a suspicion was seen again in a fresh round; None if there was none.
        duration_s: of the whole.
        command: what to type to do it again.
    """

    model: str
    baseline: str
    candidate: str
    api: Literal["grpc", "rest"]
    verdict: GateVerdict
    explanation: tuple[str, ...]
    metrics: tuple[MetricRatio, ...] = ()
    budgets: Mapping[str, str] = field(default_factory=dict)
    correctness: tuple[str, ...] = ()
    pairs: int = 0
    voided: Mapping[str, int] = field(default_factory=dict)
    restarts: int = 0
    confirmed: bool | None = None
    duration_s: float = 0.0
    command: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrendPoint:
    """A stored measurement.

    Attributes:
        created_utc: when, ISO 8601.
        label: of what, for people.
        value: in the trend's unit.
        comparable: whether it was measured on the same machine, backend and TensorFlow as the last one.
    """

    created_utc: str
    label: str
    value: float
    comparable: bool = True


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A metric over time, oldest first. Advisory: measurements of different days share no noise."""

    model: str
    metric: str
    title: str
    unit: str
    lower_is_better: bool
    points: tuple[TrendPoint, ...]
