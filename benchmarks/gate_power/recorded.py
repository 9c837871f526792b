"""Gates drawn from pairs that real servers yielded: real noise, any true difference, as many runs as wanted.

Pairs come from gates of a model against itself. Each drawn gate takes its pairs, with repetition, from one of them, so
that calm and noisy ones stay what they were; sides are swapped at random, for none differed; and the candidate is then
made costlier by the wanted difference.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.gate.blocks import Block, Pair, make_pairs, order_of_pairs
from harness.gate.rounds import Measured

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from benchmarks.gate_power.live import LiveRun
    from harness.gate.blocks import Side

__all__ = ["DrawnMachine", "keep_run", "read_runs"]

_FALLS = {"rate_per_s"}  # with the cost; the others grow


def keep_run(run: LiveRun, path: Path) -> None:
    """Add a gate's pairs to a file, a line of JSON."""
    pairs = [
        [{"values": dict(block.values), "halves": [dict(half) for half in block.halves]} for block in blocks]
        for blocks in ((pair.baseline, pair.candidate) for pair in make_pairs(run.blocks) if not pair.void)
    ]
    with path.open("a") as file:
        file.write(json.dumps({"effect": run.effect, "pairs": pairs}) + "\n")


def read_runs(path: Path) -> list[list[Pair]]:
    """Return the pairs of each kept gate whose sides did not differ."""
    runs = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        [Pair(baseline=_block("baseline", one), candidate=_block("candidate", other)) for one, other in run["pairs"]]
        for run in runs
        if run["effect"] == 0
    ]


def _block(side: Side, told: dict[str, Any]) -> Block:
    return Block(side=side, start=0, values=told["values"], halves=tuple(told["halves"]))


class DrawnMachine:
    """Measures by drawing from what was measured once."""

    def __init__(self, random: np.random.Generator, runs: list[list[Pair]], *, effect: float) -> None:
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
            measured = [drawn.baseline, drawn.candidate]
            self._random.shuffle(measured)  # type: ignore[arg-type]
            blocks.extend(self._costlier(side, block) for side, block in zip(order, measured, strict=True))
        self._drawn += pairs
        self.blocks_measured += len(blocks)
        return Measured(blocks=tuple(blocks), baseline_starts={}, candidate_starts={})

    def _costlier(self, side: Side, block: Block) -> Block:
        cost = 1 + self._effect if side == "candidate" else 1.0
        return replace(
            block,
            side=side,
            start=self._start,
            values=_costlier(block.values, cost),
            halves=tuple(_costlier(half, cost) for half in block.halves),
        )


def _costlier(values: Mapping[str, float], cost: float) -> dict[str, float]:
    return {name: value / cost if name in _FALLS else value * cost for name, value in values.items()}
