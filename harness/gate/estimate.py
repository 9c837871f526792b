"""How much the pairs differ, and how sure that is: Hodges-Lehmann, paired bootstrap, Holm. Pure.

All of it works on the logarithms of ratios: twice as slow and twice as fast are then equally far from no change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = ["LEAST_PAIRS", "Estimate", "estimate", "hodges_lehmann", "holm"]

LEAST_PAIRS = 6
_RESAMPLES = 4_000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the pairs say of a metric, as logarithms of ratios.

    Attributes:
        center: Hodges-Lehmann estimate.
        low: lower end of the two-sided 95 % interval.
        high: upper end.
        p_above: one-sided probability of such pairs, or more extreme ones, if the true ratio were not above 1.
        p_below: likewise, not below.
        n: pairs.
    """

    center: float
    low: float
    high: float
    p_above: float
    p_below: float
    n: int


def hodges_lehmann(values: npt.NDArray[np.float64], axis: int = -1) -> Any:
    """Return the median of all pairwise means along an axis, each value with itself included.

    It is nearly as exact as the mean where noise is mild, and hardly moved by a burst.
    """
    moved = np.moveaxis(np.asarray(values, dtype=np.float64), axis, -1)
    first, second = np.triu_indices(moved.shape[-1])
    means = np.sort((moved[..., first] + moved[..., second]) / 2, axis=-1)  # twice as fast as np.median for few values
    count = means.shape[-1]
    return (means[..., (count - 1) // 2] + means[..., count // 2]) / 2


def estimate(log_ratios: npt.ArrayLike, *, seed: int = 0) -> Estimate:
    """Return the estimate, its interval and its probabilities.

    Pairs are drawn again, with repetition, 4,000 times (`scipy.stats.bootstrap`, percentile interval): a pair stays a
    pair, so what both of its blocks met together cancels out.

    Args:
        log_ratios: shape [n] with n >= 6.
        seed: of the drawing.

    Raises:
        UsageError: too few of them, or one that is not finite.
    """
    from scipy.stats import bootstrap

    values = np.asarray(log_ratios, dtype=np.float64)
    if values.ndim != 1 or values.size < LEAST_PAIRS or not np.all(np.isfinite(values)):
        raise UsageError(f"an estimate needs {LEAST_PAIRS} finite ratios at least, got {values!r}")
    center = float(hodges_lehmann(values))
    if np.ptp(values) == 0:  # nothing to draw from
        certain = 0.0 if center else 1.0
        return Estimate(
            center=center,
            low=center,
            high=center,
            p_above=certain if center > 0 else 1.0,
            p_below=certain if center < 0 else 1.0,
            n=values.size,
        )
    found = bootstrap(
        (values,),
        hodges_lehmann,
        n_resamples=_RESAMPLES,
        confidence_level=0.95,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    drawn = found.bootstrap_distribution
    return Estimate(
        center=center,
        low=float(found.confidence_interval.low),
        high=float(found.confidence_interval.high),
        p_above=float((1 + np.sum(drawn <= 0)) / (1 + drawn.size)),
        p_below=float((1 + np.sum(drawn >= 0)) / (1 + drawn.size)),
        n=values.size,
    )


def holm(p_values: Mapping[str, float], *, alpha: float) -> set[str]:
    """Return which of several findings stand when all of them are looked at together (Holm's step-down correction).

    Args:
        p_values: by name.
        alpha: the probability that any that stands is false.
    """
    stand: set[str] = set()
    for rank, name in enumerate(sorted(p_values, key=lambda each: p_values[each])):
        if p_values[name] > alpha / (len(p_values) - rank):
            break
        stand.add(name)
    return stand
