"""From pairs to a verdict. Pure.

A metric has **regressed** if its Holm-corrected lower bound is above no change *and* the estimate is worse than what is
tolerated, and than what this run could tell from noise; **passed** if its whole interval lies below what is tolerated;
it has **improved** by the mirrored rule. Anything else is **inconclusive**, and asks for more pairs: a machine too
noisy to show a regression is no reason to pass.

Metrics that only a start of the server yields have few values. They regress if every start was worse by more than the
limit, and pass if the median was not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from harness.gate.blocks import same_side_neighbours
from harness.gate.estimate import LEAST_PAIRS, Estimate, estimate, hodges_lehmann, holm
from harness.results import MetricRatio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.gate.blocks import Block, Pair
    from harness.gate.metrics import Metric
    from harness.results import GateVerdict

__all__ = ["ALPHA", "LEAST_STARTS", "judge_pairs", "judge_starts", "noise_floor", "overall"]

ALPHA = 0.025  # one-sided: the lower end of a two-sided 95 % interval
LEAST_STARTS = 3
_FLOOR_LEVEL = 0.99
_OF_HALF = math.sqrt(0.5)  # half the time is measured with half the certainty


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """A metric of the pairs, and what is known of it; logarithms, positive is worse."""

    metric: Metric
    pairs: tuple[tuple[float, float], ...]
    found: Estimate
    floor: float


def judge_pairs(pairs: Sequence[Pair], blocks: Sequence[Block], metrics: Sequence[Metric]) -> list[MetricRatio]:
    """Return a row for each metric that enough pairs have.

    Args:
        pairs: of which those that count are looked at.
        blocks: all of them in the order they were measured, for the noise between blocks of one side.
        metrics: those of blocks.
    """
    comparisons = [_compare(metric, pairs, blocks) for metric in metrics if not metric.per_start]
    known = [each for each in comparisons if each is not None]
    worse = holm({each.metric.name: each.found.p_above for each in known}, alpha=ALPHA)
    better = holm({each.metric.name: each.found.p_below for each in known}, alpha=ALPHA)
    return [_row(each, worse=each.metric.name in worse, better=each.metric.name in better) for each in known]


def _compare(metric: Metric, pairs: Sequence[Pair], blocks: Sequence[Block]) -> _Comparison | None:
    values = tuple(
        (pair.baseline.values[metric.name], pair.candidate.values[metric.name])
        for pair in pairs
        if not pair.void and metric.name in pair.baseline.values and metric.name in pair.candidate.values
    )
    if len(values) < LEAST_PAIRS or min(min(each) for each in values) <= 0:
        return None
    worse = [_worse(metric, *each) for each in values]
    found = estimate(worse)
    noise = [*_of_one_side(metric, blocks), *(each - found.center for each in worse)]
    return _Comparison(metric=metric, pairs=values, found=found, floor=noise_floor(noise, len(values)))


def _worse(metric: Metric, baseline: float, candidate: float) -> float:
    ratio = math.log(candidate / baseline)
    return ratio if metric.lower_is_better else -ratio


def _of_one_side(metric: Metric, blocks: Sequence[Block]) -> list[float]:
    """Return by what two measurements of the same side differ, as logarithms, as far as blocks of a pair do."""
    neighbours = [(one.values, other.values) for one, other in same_side_neighbours(blocks)]
    halves = [(block.halves[0], block.halves[1]) for block in blocks if block.halves and not block.void]
    return [*_differences(metric, neighbours), *(each * _OF_HALF for each in _differences(metric, halves))]


def _differences(metric: Metric, pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]) -> list[float]:
    return [
        math.log(other[metric.name] / one[metric.name])
        for one, other in pairs
        if one.get(metric.name, 0) > 0 and other.get(metric.name, 0) > 0
    ]


def noise_floor(noise: Sequence[float], pairs: int, *, seed: int = 0) -> float:
    """Return how large an estimate from so many pairs gets where there is no difference, in 99 of 100 cases.

    Pairs are drawn from what is noise for sure, either way round: what two measurements of the same side differ by, and
    how far each pair lies from the estimate of all. A few of the former alone would let one burst decide.

    Args:
        noise: such differences, as logarithms.
        pairs: how many are drawn.
        seed: of the drawing.

    Returns:
        A logarithm; 0 with fewer than six differences.
    """
    if len(noise) < LEAST_PAIRS:
        return 0.0
    random = np.random.default_rng(seed)
    drawn = random.choice(noise, (2_000, pairs)) * random.choice((-1.0, 1.0), (2_000, pairs))
    return float(np.quantile(np.abs(hodges_lehmann(drawn)), _FLOOR_LEVEL))


def _row(each: _Comparison, *, worse: bool, better: bool) -> MetricRatio:
    found = each.found
    verdict, why = _settle(each, worse=worse, better=better)
    sign = 1 if each.metric.lower_is_better else -1
    low, high = sorted((sign * found.low, sign * found.high))
    return MetricRatio(
        metric=each.metric.name,
        title=each.metric.title,
        unit=each.metric.unit,
        lower_is_better=each.metric.lower_is_better,
        baseline=median(pair[0] for pair in each.pairs),
        candidate=median(pair[1] for pair in each.pairs),
        ratio=math.exp(sign * found.center),
        low=math.exp(low),
        high=math.exp(high),
        tolerance=each.metric.tolerance,
        floor=math.expm1(each.floor),
        pairs=found.n,
        verdict=verdict,
        decides=each.metric.decides,
        why=why,
        ratios=tuple(candidate / baseline for baseline, candidate in each.pairs),
    )


def _settle(each: _Comparison, *, worse: bool, better: bool) -> tuple[GateVerdict, str]:
    found, tolerated = each.found, math.log1p(each.metric.tolerance)
    needed = max(tolerated, each.floor)
    if worse and found.center > needed:
        return "regressed", "worse, and by more than is tolerated"
    if better and found.center < -needed:
        return "improved", "better, and by more than is tolerated the other way"
    if found.high < tolerated:
        return "pass", "not worse by more than is tolerated"
    if each.floor > tolerated:
        return "inconclusive", f"noise of {100 * math.expm1(each.floor):.0f} % hides what is tolerated"
    return "inconclusive", "the interval reaches across what is tolerated"


def judge_starts(
    baseline: Mapping[str, Sequence[float]], candidate: Mapping[str, Sequence[float]], metrics: Sequence[Metric]
) -> list[MetricRatio]:
    """Return a row for each metric of starts that both sides have, start by start.

    Args:
        baseline: values by metric, one for each start.
        candidate: likewise, in the same order.
        metrics: those of starts.
    """
    rows = []
    for metric in metrics:
        pairs = list(zip(baseline.get(metric.name, ()), candidate.get(metric.name, ()), strict=False))
        if metric.per_start and pairs and min(min(pair) for pair in pairs) > 0:
            rows.append(_start_row(metric, pairs))
    return rows


def _start_row(metric: Metric, pairs: Sequence[tuple[float, float]]) -> MetricRatio:
    worse = [_worse(metric, *pair) for pair in pairs]
    limit, middle = math.log1p(metric.tolerance), median(worse)
    enough = len(pairs) >= LEAST_STARTS
    verdict: GateVerdict = "pass"
    why = "at the median not worse by more than the limit"
    if enough and min(worse) > limit:
        verdict, why = "regressed", "worse by more than the limit at every start"
    elif enough and max(worse) < -limit:
        verdict, why = "improved", "better by more than the limit at every start"
    elif middle > limit:
        verdict, why = "inconclusive", f"worse at the median, but not at each of {len(pairs)} starts"
    return MetricRatio(
        metric=metric.name,
        title=metric.title,
        unit=metric.unit,
        lower_is_better=metric.lower_is_better,
        baseline=median(pair[0] for pair in pairs),
        candidate=median(pair[1] for pair in pairs),
        ratio=median(candidate / baseline for baseline, candidate in pairs),
        tolerance=metric.tolerance,
        floor=0.0,
        pairs=len(pairs),
        verdict=verdict,
        decides=metric.decides,
        why=why,
        ratios=tuple(candidate / baseline for baseline, candidate in pairs),
    )


def overall(rows: Sequence[MetricRatio]) -> GateVerdict:
    """Return the verdict on all metrics: any regression fails; else all that decide must be settled.

    With no metric that decides nothing was shown: inconclusive.
    """
    verdicts = [row.verdict for row in rows]
    deciding = [row.verdict for row in rows if row.decides]
    if "regressed" in verdicts:
        return "regressed"
    if not deciding or "inconclusive" in deciding:
        return "inconclusive"
    return "improved" if "improved" in deciding else "pass"
