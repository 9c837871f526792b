"""The hunt: draw examples, ask for the fault of each, and bring back the smallest example of every kind of fault.

hypothesis draws and shrinks. Left to itself it would mix constants of whatever modules are loaded into its draws, and
keep files in the user's folder; here the seed alone decides, so the same seed draws the same in every process.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.internal.conjecture.providers import HypothesisProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from hypothesis.strategies import SearchStrategy

    from harness.checks.fuzz.faults import Fault

__all__ = ["Catch", "Hunt", "hunt"]

T = TypeVar("T")
_SHRINK_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Catch(Generic[T]):
    """The smallest example found of one kind of fault.

    Attributes:
        example: what was asked.
        fault: what is wrong with the answer.
    """

    example: T
    fault: Fault


@dataclass(frozen=True, kw_only=True)
class Hunt(Generic[T]):
    """What a hunt brought.

    Attributes:
        catches: one for each kind of fault.
        asked: how many different examples were asked, those of shrinking included.
        was_cut_short: whether the time was up before all examples were drawn.
    """

    catches: tuple[Catch[T], ...]
    asked: int
    was_cut_short: bool


def hunt(
    strategy: SearchStrategy[T],
    judge: Callable[[T], Fault | None],
    *,
    key: Callable[[T], Hashable],
    seed: str,
    examples: int,
    limit_s: float,
    most: int = 3,
) -> Hunt[T]:
    """Draw examples and return what is wrong.

    Args:
        strategy: where examples come from.
        judge: asks an example; returns the fault of the answer, None if there is none. Never asked twice for one
            example, so that an answer that comes and goes confuses no one.
        key: what tells two examples apart.
        seed: the same seed draws the same.
        examples: how many to draw.
        limit_s: when to draw no more; each kind of fault brings up to 5 s for shrinking.
        most: how many kinds of fault to look for.
    """
    ledger = _Ledger(judge=judge, key=key, until_s=time.monotonic() + limit_s)
    catches: list[Catch[T]] = []
    with _alone():
        while len(catches) < most:
            wanted = _Wanted(ledger, {catch.fault.kind for catch in catches})
            try:
                find(strategy, wanted, settings=_settings(examples), random=Random(seed))  # noqa: S311 - no secret
            except NoSuchExample:
                break
            catches.append(wanted.caught[-1])  # hypothesis ends with the smallest
    return Hunt(catches=tuple(catches), asked=len(ledger.faults), was_cut_short=ledger.was_cut_short)


@dataclass(kw_only=True)
class _Ledger(Generic[T]):
    """The fault of each example that was asked."""

    judge: Callable[[T], Fault | None]
    key: Callable[[T], Hashable]
    until_s: float
    faults: dict[Hashable, Fault | None] = field(default_factory=dict)
    was_cut_short: bool = False
    is_shrinking: bool = False

    def fault_of(self, example: T) -> Fault | None:
        key = self.key(example)
        if key in self.faults:
            return self.faults[key]
        if self.faults and time.monotonic() > self.until_s:
            self.was_cut_short = self.was_cut_short or not self.is_shrinking
            return None
        fault = self.faults[key] = self.judge(example)
        if fault is not None and not self.is_shrinking:
            self.is_shrinking = True
            self.until_s = max(self.until_s, time.monotonic() + _SHRINK_S)
        return fault


class _Wanted(Generic[T]):
    """Says whether an example has a fault of the kind that was met first, leaving out kinds that are known."""

    def __init__(self, ledger: _Ledger[T], known: set[str]) -> None:
        self._ledger = ledger
        self._known = known
        self._kind = ""
        self.caught: list[Catch[T]] = []
        ledger.is_shrinking = False

    def __call__(self, example: T) -> bool:
        fault = self._ledger.fault_of(example)
        if fault is None or fault.kind in self._known:
            return False
        self._kind = self._kind or fault.kind
        if fault.kind != self._kind:
            return False
        self.caught.append(Catch(example=example, fault=fault))
        return True


def _settings(examples: int) -> settings:
    return settings(
        backend="hypothesis",
        database=None,
        deadline=None,
        derandomize=False,
        max_examples=examples,
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )


@contextmanager
def _alone() -> Iterator[None]:
    """Keep hypothesis from taking constants out of loaded modules, where it does so."""
    if not hasattr(HypothesisProvider, "_maybe_draw_constant"):
        yield
        return
    with patch.object(HypothesisProvider, "_maybe_draw_constant", _no_constant):
        yield


def _no_constant(*_: Any, **__: Any) -> None:
    return None
