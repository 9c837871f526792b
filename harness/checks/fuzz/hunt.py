"""The hunt: draw examples, ask for the faults of each, and bring back the smallest example of every kind of fault.

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
    from collections.abc import Callable, Hashable, Iterator, Sequence

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

    def joined(self, other: Hunt[T]) -> Hunt[T]:
        """Return what both brought; of a kind of fault that both met, the example of this one."""
        kinds = {catch.fault.kind for catch in self.catches}
        return Hunt(
            catches=self.catches + tuple(catch for catch in other.catches if catch.fault.kind not in kinds),
            asked=self.asked + other.asked,
            was_cut_short=self.was_cut_short or other.was_cut_short,
        )


def hunt(
    strategy: SearchStrategy[T],
    judge: Callable[[T], Sequence[Fault]],
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
        judge: asks an example and returns the faults of the answer. Never asked twice for one example, so that an
            answer that comes and goes confuses no one.
        key: what tells two examples apart.
        seed: the same seed draws the same.
        examples: how many to draw.
        limit_s: when to draw no more; each kind of fault brings up to 5 s for shrinking.
        most: how many kinds of fault to look for.
    """
    ledger = _Ledger(judge=judge, key=key, until_s=time.monotonic() + limit_s)
    catches: list[Catch[T]] = []
    with _by_seed_alone():
        while len(catches) < most:
            wanted = _Wanted(ledger, {catch.fault.kind for catch in catches})
            try:
                find(strategy, wanted, settings=_settings(examples), random=Random(seed))  # noqa: S311 - no secret
            except (NoSuchExample, _TimeIsUp) as exc:
                if not wanted.caught:
                    return Hunt(
                        catches=tuple(catches), asked=len(ledger.faults), was_cut_short=isinstance(exc, _TimeIsUp)
                    )
            catches.append(wanted.caught[-1])  # it ends with the smallest
    return Hunt(catches=tuple(catches), asked=len(ledger.faults), was_cut_short=False)


class _TimeIsUp(BaseException):
    """Ends a hunt at once; an Exception would be taken for what is hunted."""


@dataclass(kw_only=True)
class _Ledger(Generic[T]):
    """The faults of each example that was asked, and the time there is."""

    judge: Callable[[T], Sequence[Fault]]
    key: Callable[[T], Hashable]
    until_s: float
    faults: dict[Hashable, Sequence[Fault]] = field(default_factory=dict)

    def faults_of(self, example: T) -> Sequence[Fault]:
        key = self.key(example)
        if key not in self.faults:
            if self.faults and time.monotonic() > self.until_s:
                raise _TimeIsUp
            self.faults[key] = self.judge(example)
        return self.faults[key]


class _Wanted(Generic[T]):
    """Says whether an example has a fault of the kind that was met first, leaving out kinds that are known."""

    def __init__(self, ledger: _Ledger[T], known: set[str]) -> None:
        self.caught: list[Catch[T]] = []
        self._ledger = ledger
        self._known = known

    def __call__(self, example: T) -> bool:
        faults = [fault for fault in self._ledger.faults_of(example) if fault.kind not in self._known]
        if self.caught:
            faults = [fault for fault in faults if fault.kind == self.caught[0].fault.kind]
        if not faults:
            return False
        if not self.caught:
            self._ledger.until_s = max(self._ledger.until_s, time.monotonic() + _SHRINK_S)
        self.caught.append(Catch(example=example, fault=faults[0]))
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
def _by_seed_alone() -> Iterator[None]:
    """Keep hypothesis from taking constants out of loaded modules, where it does so."""
    if not hasattr(HypothesisProvider, "_maybe_draw_constant"):
        yield
        return
    with patch.object(HypothesisProvider, "_maybe_draw_constant", _no_constant):
        yield


def _no_constant(*_: Any, **__: Any) -> None:
    return None
