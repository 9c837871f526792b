"""Budgets: absolute promises, e.g. ``p99=20ms`` or ``memory=512MiB``, and whether the candidate keeps them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

from harness.errors import UsageError
from harness.option_values import SIZE_UNITS_BYTES
from harness.report import text
from harness.stats import percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.gate.blocks import Block

__all__ = ["Budget", "Kept", "judge_budgets", "parse_budget"]

_TIME_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
_FORM = re.compile(r"\s*([\w.]+)\s*=\s*([0-9.]+(?:e[0-9]+)?)\s*(\S*)\s*")
_EXAMPLES = "p99=20ms, cpu_us=500, rate=1000, memory=512MiB, ready=30s, load=5s"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A promise.

    Attributes:
        name: as it was typed, e.g. ``p99``.
        metric: what is looked at: a metric's name, or ``latency`` for a percentile.
        limit: in the metric's unit.
        percent: of a percentile, else None.
        at_least: whether the value must not be below the limit, instead of above.
    """

    name: str
    metric: str
    limit: float
    percent: float | None = None
    at_least: bool = False

    def __str__(self) -> str:
        """Return it as one would say it."""
        return f"{self.name} {'>=' if self.at_least else '<='} {self.shown(self.limit)}"

    def shown(self, value: float) -> str:
        """Return a value in a unit that suits it."""
        if self.metric == "latency":
            return text.duration(value)
        if self.metric == "memory_bytes":
            return text.size(round(value))
        if self.metric == "rate_per_s":
            return text.rate(value)
        return f"{value:,.4g} {'us' if self.metric == 'cpu_us' else 's'}"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Whether a promise was kept; ``unknown`` if it could not be measured, or not well enough."""

    budget: Budget
    state: Literal["kept", "broken", "unknown"]
    seen: str


def parse_budget(given: str) -> Budget:
    """Read ``p99=20ms``, ``cpu_us=500``, ``rate=1000``, ``memory=512MiB``, ``ready=30s`` or ``load=5s``.

    Raises:
        UsageError: anything else.
    """
    found = _FORM.fullmatch(given)
    if found is None:
        raise UsageError(f"{given!r} is no budget; e.g. {_EXAMPLES}")
    name, number, unit = found.groups()
    if (percent := _PERCENTILE.fullmatch(name)) is not None and 0 < float(percent[1]) < 100:
        limit = _in_unit(given, number, unit, _TIME_NS)
        return Budget(name=name, metric="latency", limit=limit, percent=float(percent[1]))
    if name == "memory":
        return Budget(name=name, metric="memory_bytes", limit=_in_unit(given, number, unit, SIZE_UNITS_BYTES))
    if name in ("ready", "load"):
        return Budget(name=name, metric=f"{name}_s", limit=_in_unit(given, number, unit, _TIME_NS) / 1e9)
    if name == "cpu_us":
        return Budget(name=name, metric=name, limit=_in_unit(given, number, unit, {"": 1.0, "us": 1.0}))
    if name == "rate":
        units = {"": 1.0, "/s": 1.0}
        return Budget(name=name, metric="rate_per_s", limit=_in_unit(given, number, unit, units), at_least=True)
    raise UsageError(f"{given!r}: there is no budget for {name!r}; e.g. {_EXAMPLES}")


def _in_unit(given: str, number: str, unit: str, units: Mapping[str, float]) -> float:
    try:
        value = float(number) * units[unit]
    except (KeyError, ValueError):
        value = 0.0
    if value <= 0:
        known = ", ".join(each or "none" for each in units)
        raise UsageError(f"{given!r} is no budget: a number above 0 and a unit are needed ({known})")
    return value


def judge_budgets(
    budgets: Iterable[Budget], blocks: Sequence[Block], starts: Mapping[str, Sequence[float]]
) -> list[Kept]:
    """Return whether each promise was kept.

    Args:
        budgets: the promises.
        blocks: of the candidate; void ones do not count.
        starts: values of the candidate's starts, by metric; the worst one counts.
    """
    good = [block for block in blocks if not block.void]
    return [_judge(each, good, starts) for each in budgets]


def _judge(budget: Budget, blocks: Sequence[Block], starts: Mapping[str, Sequence[float]]) -> Kept:
    if budget.percent is not None:
        found = percentile([sample for block in blocks for sample in block.samples_ns], budget.percent)
        if found.value_ns is None:
            return Kept(budget=budget, state="unknown", seen=text.percentile(found))
        value = found.value_ns
    else:
        values = [block.values[budget.metric] for block in blocks if budget.metric in block.values]
        if budget.metric in starts:
            value = max(starts[budget.metric])
        elif values:
            value = median(values)
        else:
            return Kept(budget=budget, state="unknown", seen="it could not be measured")
    kept = value >= budget.limit if budget.at_least else value <= budget.limit
    return Kept(budget=budget, state="kept" if kept else "broken", seen=budget.shown(value))
