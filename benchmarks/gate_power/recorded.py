"""Gates drawn from pairs that real servers yielded: real noise, any true difference, as many runs as wanted.

Pairs come from gates of a model against itself. Each drawn gate takes its pairs, with repetition, from one of them, so
that calm and noisy ones stay what they were; sides are swapped at random, for none differed; and the candidate is then
made costlier by the wanted difference.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.gate.blocks import Block, make_pairs, order_of_pairs
from harness.gate.rounds import Measured

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from benchmarks.gate_power.live import LiveRun
    from harness.gate.blocks import Side

__all__ = ["DrawnMachine", "keep_run", "read_runs"]

_FALLS = {"rate_per_s"}  # with the cost; the others grow


@dataclass(frozen=True, kw_only=True)
class _Side:
    """What a pair's block yielded."""

    values: Mapping[str, float]
    halves: tuple[Mapping[str, float], ...]


_Pair = tuple[_Side, _Side]


def keep_run(run: LiveRun, path: Path) -> None:
    """Add a gate's pairs to a file, a line of JSON."""
    pairs = [
        [{"values": dict(side.values), "halves": [dict(half) for half in side.halves]} for side in sides]
        for sides in ((pair.baseline, pair.candidate) for pair in make_pairs(run.blocks) if not pair.void)
    ]
    with path.open("a") as file:
        file.write(json.dumps({"effect": run.effect, "pairs": pairs}) + "\n")


def read_runs(path: Path) -> list[list[_Pair]]:
    """Return the pairs of each kept gate whose sides did not differ."""
    runs = [json.loads(line) for line in path.read_text().splitlines()]
    return [[(_side(one), _side(other)) for one, other in run["pairs"]] for run in runs if run["effect"] == 0]


def _side(told: dict[str, Any]) -> _Side:
    return _Side(values=told["values"], halves=tuple(told["halves"]))


class DrawnMachine:
    """Measures by drawing from what was measured once."""

    def __init__(self, random: np.random.Generator, runs: list[list[_Pair]], *, effect: float) -> None:
        """Choose one of the runs."""
        self._random, self._effect = random, effect
        self._pairs = runs[int(random.integers(len(runs)))]
        self._drawn, self._start = 0, 0
        self.blocks_measured = 0

    def __call__(self, pairs: int, starts: int) -> Measured:
        """Draw so many pairs."""
        blocks: list[Block] = []
        self._start += starts
        for order in order_of_pairs(self._drawn, pairs):
            drawn = self._pairs[int(self._random.integers(len(self._pairs)))]
            swapped = bool(self._random.integers(2))
            by_side = dict(zip(("baseline", "candidate"), drawn[::-1] if swapped else drawn, strict=True))
            blocks.extend(self._block(side, by_side[side]) for side in order)
        self._drawn += pairs
        self.blocks_measured += len(blocks)
        return Measured(blocks=tuple(blocks), baseline_starts={}, candidate_starts={})

    def _block(self, side: Side, measured: _Side) -> Block:
        cost = 1 + self._effect if side == "candidate" else 1.0
        return Block(
            side=side,
            start=self._start,
            values=_costlier(measured.values, cost),
            halves=tuple(_costlier(half, cost) for half in measured.halves),
        )


def _costlier(values: Mapping[str, float], cost: float) -> dict[str, float]:
    return {name: value / cost if name in _FALLS else value * cost for name, value in values.items()}
