"""The judge of traffic: which calls went wrong, given what each question had to bring, and when. Pure.

When exactly an answer changes nobody outside of the server can know: only when the change was asked for, and when the
server said that it was carried out. In between the former outcome is right, and the later one as well. But the later
one is final: once a call brought it, no call that is sent afterwards may bring the former one again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.checks.rollout.calls import Ask, Call, Outcome

__all__ = ["Change", "Fault", "Timeline", "judge"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """From one outcome to another.

    Attributes:
        begun_ns: when it was asked for.
        done_ns: when it was known to be carried out.
        outcome: what the question brings from then on.
    """

    begun_ns: int
    done_ns: int
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What a question has to bring.

    Attributes:
        first: the outcome from the beginning.
        changes: the later ones, in order; none begins before the one before it is done.
    """

    first: Outcome
    changes: tuple[Change, ...] = ()

    def then(self, change: Change) -> Timeline:
        """Return the timeline with a further change."""
        return replace(self, changes=(*self.changes, change))


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A call that went wrong.

    Attributes:
        call: which one.
        text: what it brought, and what it had to bring.
    """

    call: Call
    text: str


@dataclass(frozen=True, kw_only=True)
class _Period:
    """When calls may bring an outcome: those that touch it."""

    outcome: Outcome
    from_ns: float
    until_ns: float

    def touches(self, call: Call) -> bool:
        return self.from_ns <= call.ended_ns and call.began_ns <= self.until_ns


def judge(calls: Iterable[Call], timelines: Mapping[Ask, Timeline]) -> list[Fault]:
    """Return the calls that went wrong, in the order they were sent.

    Args:
        calls: in any order.
        timelines: what each question had to bring; one for every question in the calls.
    """
    by_ask: dict[Ask, list[Call]] = defaultdict(list)
    for call in calls:
        by_ask[call.ask].append(call)
    faults = [fault for ask, its_calls in by_ask.items() for fault in _faults(its_calls, timelines[ask])]
    return sorted(faults, key=lambda fault: fault.call.began_ns)


def _faults(calls: Sequence[Call], timeline: Timeline) -> list[Fault]:
    at_most = _periods(timeline)
    final = _ended_when_the_next_was_seen(at_most, calls)
    texts = ((call, _fault_text(call, at_most, final)) for call in calls)
    return [Fault(call=call, text=text) for call, text in texts if text]


def _periods(timeline: Timeline) -> list[_Period]:
    begins = [-math.inf, *(change.begun_ns for change in timeline.changes)]
    ends = [*(change.done_ns for change in timeline.changes), math.inf]
    outcomes = [timeline.first, *(change.outcome for change in timeline.changes)]
    return [
        _Period(outcome=outcome, from_ns=begin, until_ns=end)
        for outcome, begin, end in zip(outcomes, begins, ends, strict=True)
    ]


def _ended_when_the_next_was_seen(periods: Sequence[_Period], calls: Sequence[Call]) -> list[_Period]:
    """Return the periods, each ended by the first call that can only be of the next one."""
    later = [*periods[1:], None]
    return [
        period if after is None else _ended(period, after, calls) for period, after in zip(periods, later, strict=True)
    ]


def _ended(period: _Period, after: _Period, calls: Sequence[Call]) -> _Period:
    proofs = [
        call.ended_ns
        for call in calls
        if after.from_ns <= call.began_ns <= after.until_ns
        and call.shows(after.outcome)
        and not call.shows(period.outcome)
    ]
    return replace(period, until_ns=min(period.until_ns, *proofs)) if proofs else period


def _fault_text(call: Call, at_most: Sequence[_Period], final: Sequence[_Period]) -> str:
    """Return what is wrong with a call; empty if nothing is."""
    if any(period.touches(call) and call.shows(period.outcome) for period in final):
        return f"a wrong answer: {call.difference}" if call.difference else ""
    expected = " or ".join(dict.fromkeys(_outcome_text(one.outcome) for one in final if one.touches(call)))
    went_back = any(period.touches(call) and call.shows(period.outcome) for period in at_most)
    again = ", which a call before it had brought already" if went_back else ""
    return f"{call.seen}; expected {expected}{again}"


def _outcome_text(outcome: Outcome) -> str:
    return outcome if isinstance(outcome, str) else f"an answer by version {outcome}"
