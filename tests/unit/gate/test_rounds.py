"""How many rounds a verdict takes."""

from __future__ import annotations

from typing import Any

import pytest

from harness.gate.metrics import METRICS
from harness.gate.rounds import Measured, Plan, decide


class _Script:
    """Measures what each round is told to find."""

    def __init__(self, blocks: Any, *rounds: dict[str, Any]) -> None:
        self._blocks, self._rounds = blocks, list(rounds)
        self.asked: list[tuple[int, int]] = []

    def __call__(self, pairs: int, starts: int) -> Measured:
        told = self._rounds[len(self.asked)]
        self.asked.append((pairs, starts))
        return Measured(
            blocks=self._blocks(pairs, seed=len(self.asked), **told), baseline_starts={}, candidate_starts={}
        )


@pytest.mark.parametrize(
    ("rounds", "verdict", "confirmed", "asked"),
    [
        ([{}], "pass", None, [(12, 3)]),
        ([{"cpu_us": 0.8}], "improved", None, [(12, 3)]),
        ([{"cpu_us": 1.2}, {"cpu_us": 1.2}], "regressed", True, [(12, 3), (12, 3)]),
        ([{"cpu_us": 1.2}, {}], "inconclusive", False, [(12, 3), (12, 3)]),
        ([{"cpu_us": 1.2}, {"p50_ns": 1.2}], "inconclusive", False, [(12, 3), (12, 3)]),
        ([{"cpu_us": 1.05}, {"cpu_us": 1.05}], "inconclusive", None, [(12, 3), (8, 0)]),
        ([{"cpu_us": 1.2}, {"cpu_us": 1.05}, {"cpu_us": 1.3}], "regressed", True, [(12, 3), (12, 3), (8, 0)]),
        ([{"cpu_us": 1.2}, {"cpu_us": 1.05}, {"cpu_us": 1.05}], "inconclusive", False, [(12, 3), (12, 3), (8, 0)]),
    ],
)
def test_rounds_until_a_verdict(
    blocks: Any, rounds: Any, verdict: str, confirmed: Any, asked: list[tuple[int, int]]
) -> None:
    """A pass takes one round; a suspicion a fresh one, and must be of the same metric; open ones go on to 20 pairs."""
    script = _Script(blocks, *rounds)
    ruling = decide(script, METRICS, Plan())
    assert (ruling.verdict, ruling.confirmed, script.asked) == (verdict, confirmed, asked)


def test_an_open_metric_is_settled_by_more_pairs(blocks: Any) -> None:
    """The pairs of the extension are judged together with the first: 20 pairs are in the row."""
    script = _Script(blocks, {"noise": 0.08}, {"noise": 0.005})
    ruling = decide(script, METRICS, Plan())
    assert len(script.asked) == 2
    assert {row.pairs for row in ruling.rows} == {20}


def test_a_single_round_can_be_asked_for(blocks: Any) -> None:
    """With no more pairs allowed than the first round has, an open verdict stays open."""
    script = _Script(blocks, {"cpu_us": 1.05})
    assert decide(script, METRICS, Plan(most_pairs=12)).verdict == "inconclusive"


def test_rounds_too_short_to_judge_by_go_on(blocks: Any) -> None:
    """With rounds of four pairs, of which no interval can be had, both are extended, and the regression is found."""
    script = _Script(blocks, *[{"cpu_us": 1.2}] * 4)
    ruling = decide(script, METRICS, Plan(pairs=4))
    assert (ruling.verdict, script.asked) == ("regressed", [(4, 3), (16, 0), (4, 3), (16, 0)])


def test_more_pairs_are_no_use_to_a_metric_of_starts(blocks: Any) -> None:
    """Memory that is suspected and then open is not measured on, for there is one value of it for each start."""

    def measure(pairs: int, starts: int) -> Measured:
        asked.append((pairs, starts))
        candidate = [150.0, 150.0, 150.0] if len(asked) == 1 else [150.0, 105.0, 80.0]
        return Measured(
            blocks=blocks(pairs),
            baseline_starts={"memory_bytes": [100.0] * 3},
            candidate_starts={"memory_bytes": candidate},
        )

    asked: list[tuple[int, int]] = []
    ruling = decide(measure, METRICS, Plan())
    assert (ruling.verdict, ruling.confirmed, asked) == ("inconclusive", False, [(12, 3), (12, 3)])
