"""Stability: whether the same request brings the same answer twice, output by output.

Most models answer the same bits each time. Some sum in whatever order their threads finish, and some draw random
numbers; what such outputs hold cannot be compared as the others can.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.checks.compare import Mismatch, compare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from harness.checks.noise import Noise

__all__ = ["Stability", "judge"]


@dataclass(frozen=True, kw_only=True)
class Stability:
    """How far an answer can be relied on.

    Attributes:
        answer: the first answer to the request, array by output name.
        noise: what counts as noise.
        noisy: outputs that differed within noise.
        random: how outputs differed beyond noise, by name.
    """

    answer: Mapping[str, np.ndarray]
    noise: Noise
    noisy: frozenset[str] = frozenset()
    random: Mapping[str, str] = field(default_factory=dict)

    def mismatches(self, seen: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> list[Mismatch]:
        """Return where an answer differs from what it should be more than two answers to one request do.

        Args:
            seen: array by output name.
            expected: ``answer``, perhaps in another form.
        """
        exact = compare(seen, expected, rtol=0.0, atol=0.0, equal_nan=True)
        beyond_noise = {one.name: one for one in self.noise.mismatches(seen, expected)}
        found = [beyond_noise.get(one.name) if one.name in self.noisy else one for one in exact]
        return [one for one in found if one is not None and not self._is_random(one.name, seen, expected)]

    def _is_random(self, name: str, seen: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> bool:
        """Whether an output is random and nothing but its values and sizes differ."""
        if name not in self.random or name not in seen or name not in expected:
            return False
        return seen[name].dtype == expected[name].dtype and seen[name].ndim == expected[name].ndim


def judge(answers: Sequence[Mapping[str, np.ndarray]], noise: Noise) -> Stability:
    """Return how stable a signature is, from several answers to one request over one API."""
    first, *others = answers
    noisy: set[str] = set()
    random: dict[str, str] = {}
    for other in others:
        noisy |= {one.name for one in compare(other, first, rtol=0.0, atol=0.0, equal_nan=True)}
        random |= {one.name: one.text for one in noise.mismatches(other, first)}
    return Stability(answer=first, noise=noise, noisy=frozenset(noisy - random.keys()), random=random)
