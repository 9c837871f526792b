"""From pairs to a verdict on each metric, and on all."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import UsageError
from harness.gate.blocks import Block, make_pairs, order_of_pairs, same_side_neighbours
from harness.gate.judge import judge_pairs, judge_starts, noise_floor, overall
from harness.gate.metrics import METRICS, choose_metrics

if TYPE_CHECKING:
    from harness.results import MetricRatio

Make = "Callable[..., tuple[Block, ...]]"


def _rows(blocks: tuple[Block, ...], **tolerances: float) -> dict[str, MetricRatio]:
    rows = judge_pairs(make_pairs(blocks), blocks, choose_metrics(tolerances))
    return {row.metric: row for row in rows}


def test_order_of_pairs_is_balanced() -> None:
    """Pairs are A B, B A, A B, B A: each side is first every second time, also where a run goes on."""
    assert [pair[0] for pair in order_of_pairs(0, 4)] == ["baseline", "candidate"] * 2
    assert [set(pair) for pair in order_of_pairs(0, 4)] == [{"baseline", "candidate"}] * 4
    assert list(order_of_pairs(5, 2)) == list(order_of_pairs(0, 7))[5:]


def test_neighbours_of_a_side_within_a_start(blocks: Any) -> None:
    """Same-side neighbours are found where pairs meet, not across starts, and not if one is void."""
    made = list(blocks(8))
    assert len(same_side_neighbours(made)) == 6  # three in each start of four pairs
    made[1] = replace(made[1], void="busy")
    assert len(same_side_neighbours(made)) == 5


@pytest.mark.parametrize(
    ("factors", "verdicts"),
    [
        ({}, {"cpu_us": "pass", "p50_ns": "pass", "rate_per_s": "pass"}),
        ({"cpu_us": 1.10}, {"cpu_us": "regressed", "p50_ns": "pass", "rate_per_s": "pass"}),
        ({"rate_per_s": 0.85}, {"cpu_us": "pass", "p50_ns": "pass", "rate_per_s": "regressed"}),
        ({"rate_per_s": 1.2, "p50_ns": 0.8}, {"cpu_us": "pass", "p50_ns": "improved", "rate_per_s": "improved"}),
        ({"p50_ns": 1.046}, {"cpu_us": "pass", "p50_ns": "inconclusive", "rate_per_s": "pass"}),
        ({"p50_ns": 1.03}, {"cpu_us": "pass", "p50_ns": "pass", "rate_per_s": "pass"}),
    ],
)
def test_each_metric_is_judged(blocks: Any, factors: dict[str, float], verdicts: dict[str, str]) -> None:
    """Worse by more than the tolerance regresses, clearly within it passes, at it stays open; rates the other way."""
    assert {name: row.verdict for name, row in _rows(blocks(**factors)).items()} == verdicts


def test_a_row_tells_what_was_measured(blocks: Any) -> None:
    """Ratio, interval, medians and each pair's ratio are of candidate over baseline, not of worse over better."""
    row = _rows(blocks(rate_per_s=0.8))["rate_per_s"]
    assert row.low is not None
    assert row.high is not None
    assert row.low < row.ratio < row.high
    assert row.ratio == pytest.approx(0.8, abs=0.01)
    assert row.candidate / row.baseline == pytest.approx(0.8, abs=0.02)
    assert len(row.ratios) == row.pairs == 12
    assert not row.lower_is_better


def test_noise_raises_the_limit(blocks: Any) -> None:
    """Where two measurements of one server differ by 30 %, a difference of 10 % is no regression."""
    row = _rows(blocks(noise=0.3, cpu_us=1.1))["cpu_us"]
    assert row.floor > row.tolerance
    assert (row.verdict, row.why[:8]) == ("inconclusive", "noise of")


def test_noise_floor_grows_with_the_noise() -> None:
    """It shrinks with the number of pairs, one burst among many differences hardly moves it, and too few give none."""
    calm = [0.01, -0.012, 0.008, -0.009, 0.011, -0.01] * 3
    noisy = [10 * each for each in calm]
    assert noise_floor(noisy, 12) == pytest.approx(10 * noise_floor(calm, 12))
    assert noise_floor(noisy, 20) < noise_floor(noisy, 6)
    assert noise_floor([*calm, 0.3], 12) < 2 * noise_floor(calm, 12)
    assert noise_floor(calm[:5], 12) == 0.0


def test_noise_is_known_without_neighbours(blocks: Any) -> None:
    """Where no two blocks of a side lie next to each other, the pairs themselves tell how noisy the machine is."""
    apart = tuple(replace(block, turn=10 * number) for number, block in enumerate(blocks(noise=0.03)))
    assert same_side_neighbours(apart) == []
    beside = tuple(replace(block, turn=number) for number, block in enumerate(blocks(noise=0.03)))
    assert len(same_side_neighbours(beside)) == 9
    floors = [_rows(made)["cpu_us"].floor for made in (apart, beside)]
    assert all(0.01 < floor < 0.06 for floor in floors)


def test_halves_tell_the_noise_of_a_side(blocks: Any) -> None:
    """Two halves of a side's slices that differ by 20 % are noise of 14 % for whole blocks, however even the pairs."""
    values = {"cpu_us": 400.0}
    halves = (values, {"cpu_us": 480.0})
    even = tuple(replace(block, values=values, halves=halves) for block in blocks())
    assert same_side_neighbours(even) == []
    (row,) = _rows(even).values()
    assert row.floor > 0.03
    quiet = tuple(replace(block, halves=(values, values)) for block in even)
    assert _rows(quiet)["cpu_us"].floor == pytest.approx(0.0)
    void = tuple(replace(block, void="busy") if number < 12 else block for number, block in enumerate(even))
    assert _rows(void)["cpu_us"].pairs == 6


def test_a_true_difference_is_no_noise(blocks: Any) -> None:
    """However much the sides differ, the floor is that of the same machine without a difference."""
    same, slower = (_rows(blocks(noise=0.02, cpu_us=factor))["cpu_us"].floor for factor in (1.0, 1.5))
    assert slower == pytest.approx(same)
    assert _rows(blocks(noise=0.0, cpu_us=1.5))["cpu_us"].floor == pytest.approx(0.0)


def test_void_pairs_do_not_count(blocks: Any) -> None:
    """A pair with a void block is left out, and with fewer than six left there is no row."""
    made = list(blocks(12))
    voided = [replace(block, void="busy") if index < 4 else block for index, block in enumerate(made)]
    assert _rows(tuple(voided))["cpu_us"].pairs == 10
    voided = [replace(block, void="busy") if index < 14 else block for index, block in enumerate(made)]
    assert _rows(tuple(voided)) == {}


def test_metrics_that_were_not_measured_have_no_row(blocks: Any) -> None:
    """Without processor times there is no row of them, and the others decide."""
    made = tuple(
        replace(block, values={name: value for name, value in block.values.items() if name != "cpu_us"})
        for block in blocks()
    )
    assert set(_rows(made)) == {"p50_ns", "rate_per_s"}


@pytest.mark.parametrize(
    ("baseline", "candidate", "verdict"),
    [
        ((100, 101, 99), (102, 100, 101), "pass"),
        ((100, 101, 99), (125, 130, 120), "regressed"),
        ((100, 101, 99), (125, 130, 100), "inconclusive"),
        ((100, 101, 99), (100, 130, 100), "pass"),
        ((100, 101, 99), (80, 70, 75), "improved"),
        ((100, 100), (200, 200), "inconclusive"),
    ],
)
def test_starts_are_judged_one_by_one(baseline: Any, candidate: Any, verdict: str) -> None:
    """Memory regresses if each of three starts was worse by more than the limit; two starts are too few for that."""
    (row,) = judge_starts({"memory_bytes": baseline}, {"memory_bytes": candidate}, METRICS)
    assert row.verdict == verdict
    assert row.low is None


def test_verdict_on_all(blocks: Any) -> None:
    """Any regression fails; an open metric that decides keeps all open; one that does not, does not."""
    rows = _rows(blocks())
    settled = list(rows.values())
    assert overall(settled) == "pass"
    assert overall([replace(settled[0], verdict="inconclusive"), *settled[1:]]) == "inconclusive"
    assert overall([replace(settled[0], verdict="inconclusive", decides=False), *settled[1:]]) == "pass"
    assert overall([replace(settled[0], verdict="regressed", decides=False), *settled[1:]]) == "regressed"
    assert overall([replace(settled[0], verdict="improved"), *settled[1:]]) == "improved"
    assert overall([]) == "inconclusive"


@pytest.mark.parametrize(("given", "text"), [({"speed": 0.1}, "no metric 'speed'"), ({"cpu_us": 0.0}, "between 0")])
def test_tolerances_are_checked(given: dict[str, float], text: str) -> None:
    """A tolerance of an unknown metric, or one that no run could meet, is refused."""
    with pytest.raises(UsageError, match=text):
        choose_metrics(given)


def test_tolerances_are_taken(blocks: Any) -> None:
    """With 30 % tolerated, 10 % more is no regression."""
    assert _rows(blocks(cpu_us=1.1), cpu_us=0.3)["cpu_us"].verdict == "pass"
    assert math.isclose(_rows(blocks(), cpu_us=0.3)["cpu_us"].tolerance, 0.3)
