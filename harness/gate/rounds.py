"""Rounds: how many pairs to measure, and when to stop. Pure: a function measures.

A first round of twelve pairs over three starts. A suspicion must show again in a fresh round of its own, judged by
itself. What stays open in either gets more pairs, up to twenty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.gate.blocks import make_pairs
from harness.gate.judge import judge_pairs, judge_starts, overall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.gate.blocks import Block
    from harness.gate.metrics import Metric
    from harness.results import GateVerdict, MetricRatio

__all__ = ["Measured", "Measurer", "Plan", "Ruling", "decide"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much to measure.

    Attributes:
        pairs: of the first round, and of a confirming one.
        most_pairs: of either once it was extended; it is not if this is no more than `pairs`.
        starts: of both servers, over which a round is spread.
    """

    pairs: int = 12
    most_pairs: int = 20
    starts: int = 3


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a round yielded: its blocks in order, and of each side's starts their values by metric."""

    blocks: tuple[Block, ...]
    baseline_starts: Mapping[str, Sequence[float]]
    candidate_starts: Mapping[str, Sequence[float]]


# Measures so many more pairs, spread over so many new starts of both servers; 0 starts go on with those that run.
Measurer = Callable[[int, int], Measured]


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What came out.

    Attributes:
        verdict: of the whole.
        rows: of the metrics, over all the first round measured.
        confirmed: whether a suspicion showed again; None if there was none.
        confirming: the rows of the confirming round.
        interrupted: whether Ctrl-C cut it short: the rows are then of what there was, and decide nothing.
    """

    verdict: GateVerdict
    rows: tuple[MetricRatio, ...]
    confirmed: bool | None = None
    confirming: tuple[MetricRatio, ...] = ()
    interrupted: bool = False


def decide(measure: Measurer, metrics: Sequence[Metric], plan: Plan) -> Ruling:
    """Measure until there is a verdict, or no more to be had."""
    rows = _round(measure, metrics, plan, is_open=lambda rows: overall(rows) == "inconclusive")
    suspects = {row.metric for row in rows if row.verdict == "regressed"}
    if not suspects:
        return Ruling(verdict=overall(rows), rows=tuple(rows))
    suspected = [metric for metric in metrics if metric.name in suspects]
    again = _round(measure, suspected, plan, is_open=lambda rows: _may_yet_show(rows, suspected))
    confirmed = any(row.verdict == "regressed" for row in again)
    verdict: GateVerdict = "regressed" if confirmed else "inconclusive"
    return Ruling(verdict=verdict, rows=tuple(rows), confirmed=confirmed, confirming=tuple(again))


def _round(
    measure: Measurer, metrics: Sequence[Metric], plan: Plan, *, is_open: Callable[[Sequence[MetricRatio]], bool]
) -> list[MetricRatio]:
    measured = measure(plan.pairs, plan.starts)
    rows = _judge(measured, metrics)
    if is_open(rows) and plan.most_pairs > plan.pairs:
        rows = _judge(_joined(measured, measure(plan.most_pairs - plan.pairs, 0)), metrics)
    return rows


def _may_yet_show(rows: Sequence[MetricRatio], suspected: Sequence[Metric]) -> bool:
    """Return whether none has shown again so far, and more pairs could settle one; they do not settle one of starts."""
    verdicts = {row.metric: row.verdict for row in rows}
    of_pairs = {verdicts.get(metric.name, "inconclusive") for metric in suspected if not metric.per_start}
    return "regressed" not in verdicts.values() and "inconclusive" in of_pairs


def _judge(measured: Measured, metrics: Sequence[Metric]) -> list[MetricRatio]:
    rows = judge_pairs(make_pairs(measured.blocks), measured.blocks, metrics)
    return rows + judge_starts(measured.baseline_starts, measured.candidate_starts, metrics)


def _joined(one: Measured, other: Measured) -> Measured:
    return Measured(
        blocks=one.blocks + other.blocks,
        baseline_starts=_chained(one.baseline_starts, other.baseline_starts),
        candidate_starts=_chained(one.candidate_starts, other.candidate_starts),
    )


def _chained(one: Mapping[str, Sequence[float]], other: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    return {name: [*one.get(name, ()), *other.get(name, ())] for name in {**one, **other}}
