"""The judge of traffic, on records of calls that no server made."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.rollout.calls import GONE, Ask, Call
from harness.checks.rollout.judge import Change, Timeline, judge

LATEST = Ask(model="m")
PINNED = Ask(model="m", version=1)
LABELLED = Ask(model="m", label="stable")

# Version 1 until the change is asked for at 100; version 2 from 200 on, when it is known to be carried out.
SWITCH = Timeline(first=1, changes=(Change(begun_ns=100, done_ns=200, outcome=2),))
# And back again, from 300 to 400.
THERE_AND_BACK = SWITCH.then(Change(begun_ns=300, done_ns=400, outcome=1))
REMOVED = Timeline(first=1, changes=(Change(begun_ns=100, done_ns=200, outcome=GONE),))


def _call(began: int, ended: int, seen: int | str | None, ask: Ask = LATEST, **fields: Any) -> Call:
    """Return a call; ``seen`` is the version that answered, None for an answer over REST, or a failure."""
    failure = seen if isinstance(seen, str) else ""
    version = seen if isinstance(seen, int) else None
    return Call(ask=ask, client="c", began_ns=began, ended_ns=ended, version=version, failure=failure, **fields)


def _texts(calls: list[Call], timeline: Timeline) -> list[str]:
    return [fault.text for fault in judge(calls, {call.ask: timeline for call in calls})]


@pytest.mark.parametrize(
    ("began", "ended", "seen"),
    [
        (0, 50, 1),
        (90, 110, 1),
        (90, 110, 2),
        (120, 130, 1),
        (120, 130, 2),
        (190, 250, 1),
        (210, 220, 2),
        (0, 500, 2),
        (0, 500, 1),
        (150, 160, None),
    ],
)
def test_what_a_call_may_bring(began: int, ended: int, seen: int | None) -> None:
    """The former version until the change is done, the later one as soon as it was asked for; REST does not tell."""
    assert _texts([_call(began, ended, seen)], SWITCH) == []


@pytest.mark.parametrize(
    ("began", "ended", "seen", "text"),
    [
        (0, 50, 2, "an answer by version 2; expected an answer by version 1"),
        (210, 220, 1, "an answer by version 1; expected an answer by version 2"),
        (120, 130, 3, "an answer by version 3; expected an answer by version 1 or an answer by version 2"),
        (120, 130, GONE, "not served; expected an answer by version 1 or an answer by version 2"),
        (0, 50, "UNAVAILABLE", "UNAVAILABLE; expected an answer by version 1"),
    ],
)
def test_what_it_may_not_bring(began: int, ended: int, seen: int | str, text: str) -> None:
    """The later version too early, the former one too late, another one, or no answer."""
    assert _texts([_call(began, ended, seen)], SWITCH) == [text]


def test_none_goes_back() -> None:
    """Once the later version has answered, a call sent afterwards must not be answered by the former one."""
    calls = [_call(110, 120, 2), _call(115, 130, 1), _call(121, 131, 1)]
    (fault,) = judge(calls, {LATEST: SWITCH})
    assert fault.call is calls[2]
    assert fault.text.endswith("expected an answer by version 2, which a call before it had brought already")


def test_the_order_of_the_record_does_not_matter() -> None:
    """Threads write calls down as they end; the judge sorts, and names faults in the order the calls were sent."""
    calls = [_call(130, 140, 1), _call(121, 131, 1), _call(110, 120, 2)]
    assert [fault.call.began_ns for fault in judge(calls, {LATEST: SWITCH})] == [121, 130]


def test_a_roll_back_is_no_going_back() -> None:
    """If the former version comes back by a further change, it may answer from then on, and has to in the end."""
    good = [_call(110, 120, 2), _call(250, 260, 2), _call(310, 320, 2), _call(310, 330, 1), _call(410, 420, 1)]
    assert _texts(good, THERE_AND_BACK) == []
    assert _texts([_call(220, 230, 1)], THERE_AND_BACK) == ["an answer by version 1; expected an answer by version 2"]
    assert _texts([_call(310, 320, 1), _call(330, 340, 2)], THERE_AND_BACK) == [
        "an answer by version 2; expected an answer by version 1, which a call before it had brought already"
    ]


def test_a_removed_model_ends_at_once_and_for_ever() -> None:
    """It is answered until it goes, not served afterwards, and does not come back; REST tells that as well."""
    good = [_call(0, 50, 1), _call(110, 120, None), _call(130, 140, GONE), _call(210, 220, GONE)]
    assert _texts(good, REMOVED) == []
    assert _texts([_call(0, 50, GONE)], REMOVED) == ["not served; expected an answer by version 1"]
    assert _texts([_call(210, 220, 1)], REMOVED) == ["an answer by version 1; expected not served"]
    assert _texts([_call(130, 140, GONE), _call(150, 160, None)], REMOVED) == [
        "an answer; expected not served, which a call before it had brought already"
    ]


def test_another_failure_is_not_being_gone() -> None:
    """Where a version must be gone, only the server's word that it serves no such version will do."""
    text = "the model has no such row"
    assert _texts([_call(210, 220, "NOT_FOUND", text=text)], REMOVED) == [f"NOT_FOUND ({text}); expected not served"]


def test_a_wrong_answer_is_a_fault() -> None:
    """An answer by the right version with other values is wrong."""
    assert _texts([_call(0, 50, 1, difference="y: [0] is 3.0, expected 2.0")], SWITCH) == [
        "a wrong answer: y: [0] is 3.0, expected 2.0"
    ]


def test_each_question_has_its_own_timeline() -> None:
    """What one question has brought says nothing about another one."""
    calls = [_call(110, 120, 2), _call(130, 140, 1, PINNED), _call(130, 140, 1, LABELLED)]
    timelines = {LATEST: SWITCH, PINNED: REMOVED, LABELLED: Timeline(first=1)}
    assert judge(calls, timelines) == []


def test_one_failure_in_a_hundred_is_found() -> None:
    """Of a thousand calls exactly the ten that failed are faults."""
    calls = [_call(n, n + 1, "UNAVAILABLE" if n % 100 == 99 else 1) for n in range(1000)]
    faults = judge(calls, {LATEST: Timeline(first=1)})
    assert [fault.call.began_ns for fault in faults] == list(range(99, 1000, 100))


def test_questions_name_themselves() -> None:
    """Texts name what was asked for."""
    assert [str(ask) for ask in (LATEST, PINNED, LABELLED)] == [
        "the latest version of m",
        "version 1 of m",
        "label 'stable' of m",
    ]
