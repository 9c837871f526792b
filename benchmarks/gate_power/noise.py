"""A machine that does other things as well: what it does to blocks of measurements.

Three kinds of noise, all multiplicative: a slow *drift* (a wave of 6 % over the run), *bursts* (neighbours that take
18 % for a few blocks, felt fully by latency and less by processor time), and *white* noise (2 % in each block).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.gate.blocks import Block, order_of_pairs
from harness.gate.rounds import Measured

if TYPE_CHECKING:
    import numpy as np

    from harness.gate.blocks import Side

__all__ = ["Noise", "NoisyMachine"]

_BASE = {"cpu_us": 400.0, "p50_ns": 1.2e6, "rate_per_s": 3_300.0, "p99_ns": 3.0e6}
_BURST_FELT = {"cpu_us": 0.35, "p50_ns": 1.0, "rate_per_s": -1.0, "p99_ns": 1.6}
_WHITE = {"cpu_us": 1.0, "p50_ns": 1.0, "rate_per_s": 1.0, "p99_ns": 3.0}


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How strong each kind is, as shares; `burst_begins` is the chance of a burst to begin at a block."""

    drift: float = 0.06
    burst: float = 0.18
    white: float = 0.02
    burst_begins: float = 0.08
    burst_blocks: float = 2.0


class NoisyMachine:
    """Measures two imaginary servers of which one costs `effect` more than the other."""

    def __init__(self, random: np.random.Generator, *, effect: float, noise: Noise) -> None:
        """Begin a run."""
        self._random, self._effect, self._noise = random, effect, noise
        self._phase, self._period = random.uniform(0, 2 * math.pi), random.uniform(20, 80)
        self._time, self._burst_left, self._pairs, self._start = 0, 0, 0, -1
        self.blocks_measured = 0

    def __call__(self, pairs: int, starts: int) -> Measured:
        """Measure so many pairs."""
        blocks: list[Block] = []
        each = max(1, pairs // max(starts, 1))
        for number, order in enumerate(order_of_pairs(self._pairs, pairs)):
            if starts and number % each == 0 and number // each < starts:
                self._start += 1
            blocks.extend(self._block(side) for side in order)
        self._pairs += pairs
        return Measured(blocks=tuple(blocks), baseline_starts={}, candidate_starts={})

    def _block(self, side: Side) -> Block:
        noise, random = self._noise, self._random
        self._time += 1
        self.blocks_measured += 1
        if self._burst_left:
            self._burst_left -= 1
        elif random.random() < noise.burst_begins:
            self._burst_left = 1 + random.poisson(noise.burst_blocks - 1)
        slow = noise.drift * math.sin(self._phase + 2 * math.pi * self._time / self._period)
        burst = noise.burst * random.uniform(0.5, 1.5) if self._burst_left else 0.0
        effect = math.log1p(self._effect) if side == "candidate" else 0.0
        values = {}
        for name, base in _BASE.items():
            sign = -1 if name == "rate_per_s" else 1
            white = random.normal(0, noise.white * _WHITE[name])
            values[name] = base * math.exp(sign * (slow + effect) + burst * _BURST_FELT[name] + white)
        return Block(side=side, start=self._start, values=values)
