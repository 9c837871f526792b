"""The verdict in three lines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.gate.budgets import judge_budgets, parse_budget
from harness.gate.explain import explain
from harness.gate.rounds import Ruling
from harness.gate.slices import Slicing
from harness.results import GateVerdict, MetricRatio

ROW = MetricRatio(
    metric="cpu_us",
    title="server CPU per request",
    unit="us",
    lower_is_better=True,
    baseline=400.0,
    candidate=440.0,
    ratio=1.1,
    low=1.08,
    high=1.12,
    tolerance=0.05,
    floor=0.02,
    pairs=12,
    verdict="regressed",
    why="worse",
)
FINE = replace(ROW, metric="p50_ns", title="median latency", ratio=1.0, low=0.99, high=1.01, verdict="pass")


def _explain(verdict: GateVerdict, ruling: Ruling | None, **more: Any) -> tuple[str, ...]:
    given: dict[str, Any] = {
        "correctness": (),
        "budgets": (),
        "starts": 3,
        "slicing": Slicing(count=16, slice_s=0.2, settle_s=0.05),
        "duration_s": 160.0,
        "command": ("gate", "a b"),
    }
    return explain(verdict, ruling=ruling, **given | more)


def test_a_regression_names_what_how_much_and_what_was_tolerated() -> None:
    """The first line has the metric, its interval and the tolerance, the second the proof, the third the command."""
    ruling = Ruling(verdict="regressed", rows=(ROW, FINE), confirmed=True, confirming=(replace(ROW, ratio=1.09),))
    first, second, third = _explain("regressed", ruling)
    assert first == ("REGRESSED: server CPU per request +10.0 % (+8.0 to +12.0 %), 5 % more is tolerated.")
    assert "12 pairs, each side in 16 slices of 0.2 s, over 3 starts of both servers in 2 min 40 s" in second
    assert "a fresh round showed it again: server CPU per request +9.0 %" in second
    assert "up to 2.0 %" in second
    assert third == "Again: gate 'a b'"


def test_it_says_where_blocks_were_not_cut() -> None:
    """Too slow a model, or too short a block, is measured in whole blocks; where nothing was measured none is told."""
    ruling = Ruling(verdict="pass", rows=(FINE,))
    whole = Slicing(count=1, slice_s=3.2, settle_s=1.0)
    assert "12 pairs of whole blocks of 3.2 s over 3 starts" in _explain("pass", ruling, slicing=whole)[1]
    assert "12 pairs over 3 starts" in _explain("pass", ruling, slicing=None)[1]


def test_a_metric_that_was_not_confirmed_is_not_blamed() -> None:
    """Of two suspects only the one that showed again stands in the verdict."""
    other = replace(ROW, metric="p50_ns", title="median latency")
    ruling = Ruling(
        verdict="regressed", rows=(ROW, other), confirmed=True, confirming=(ROW, replace(other, verdict="pass"))
    )
    assert "median latency" not in _explain("regressed", ruling)[0]


def test_a_pass_says_what_was_compared() -> None:
    """A pass gives each deciding metric with its interval, and what stayed open without being waited for."""
    watched = replace(ROW, metric="p99_ns", title="p99 latency", verdict="inconclusive", decides=False)
    first, second, _ = _explain("pass", Ruling(verdict="pass", rows=(FINE, watched)))
    assert first == "PASS: median latency +0.0 % (-1.0 to +1.0 %)."
    assert "not settled, and not waited for: p99 latency +10.0 %" in second


@pytest.mark.parametrize(
    ("ruling", "text"),
    [
        (
            Ruling(verdict="inconclusive", rows=(replace(ROW, verdict="inconclusive", why="too noisy"),)),
            "too noisy (5 %)",
        ),
        (Ruling(verdict="inconclusive", rows=(ROW,), confirmed=False), "a fresh round did not show it again"),
        (Ruling(verdict="inconclusive", rows=()), "none of the deciding metrics could be measured"),
    ],
)
def test_an_open_verdict_says_why(ruling: Ruling, text: str) -> None:
    """An interval across the limit, a suspicion that went away, or nothing to judge by is told."""
    assert text in _explain("inconclusive", ruling)[0]


def test_wrong_answers_and_broken_promises_come_first() -> None:
    """What is wrong, and a promise that was broken, stand in the first line, whatever the speed."""
    budgets = judge_budgets([parse_budget("ready=1s"), parse_budget("p99=1ms")], [], {"ready_s": (2.0,)})
    first, second, _ = _explain("regressed", None, correctness=("goldens: case a: y differs",), budgets=budgets)
    assert first == "REGRESSED: goldens: case a: y differs; the promise ready <= 1 s is broken: 2 s."
    assert "no pair of measurements was judged" in second
    passing = Ruling(verdict="pass", rows=(FINE,))
    assert "the promise p99 <= 1.00 ms cannot be judged" in _explain("inconclusive", passing, budgets=budgets)[0]


def test_an_interrupted_run_decides_nothing() -> None:
    """What there was is told, after the word that it was cut short, even of what looked like a regression."""
    first, *_ = _explain("inconclusive", Ruling(verdict="inconclusive", rows=(ROW,), interrupted=True))
    assert first == (
        "INCONCLUSIVE: it was interrupted before it could be sure; server CPU per request +10.0 % (+8.0 to +12.0 %)."
    )
