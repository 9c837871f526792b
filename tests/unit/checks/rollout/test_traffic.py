"""Traffic of clients that are no clients: what is recorded, and what ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import Prediction
from harness.checks.request import Request
from harness.checks.rollout.calls import GONE, Ask
from harness.checks.rollout.traffic import Lane, Question, Traffic, ask_once
from harness.errors import CheckError, DeadlineError, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

WHERE = {"target": "h:1", "api": "grpc", "request": "predict"}
QUESTION = Question(request=Request(), answer={"y": np.array([1.0])})
LATEST, FIRST = Ask(model="m"), Ask(model="m", version=1)


class _Client:
    """Answers as told."""

    def __init__(self, answer: Callable[[], Any], *, api: str = "grpc") -> None:
        self.api = api
        self._answer = answer

    def predict(self, *_: Any, version: int | None, **__: Any) -> Prediction:
        """Answer as told, by the version asked for, else by version 2."""
        outputs = {"y": np.array([self._answer()])}
        return Prediction(model="m", model_version=version or 2, signature_name="s", outputs=outputs)


def _raising(error: Exception) -> Callable[[], Any]:
    def answer() -> Any:
        raise error

    return answer


def _lane(answer: Callable[[], Any], *asks: Ask, name: str = "c", api: str = "grpc") -> Lane:
    return Lane(name=name, clients={"m": _Client(answer, api=api)}, asks=asks)  # type: ignore[dict-item] # as much as is called


@pytest.mark.parametrize(
    ("answer", "version", "failure", "difference"),
    [
        (lambda: 1.0, 2, "", ""),
        (lambda: 1.00001, 2, "", ""),
        (lambda: 2.0, 2, "", "y: [0] is 2.0, expected 1.0"),
        (_raising(StatusError("Servable not found for request: Latest(m)", code="NOT_FOUND", **WHERE)), None, GONE, ""),
        (_raising(StatusError("no such key", code="NOT_FOUND", **WHERE)), None, "NOT_FOUND", ""),
        (_raising(DeadlineError("late", **WHERE)), None, "DeadlineError", ""),
    ],
)
def test_what_a_call_brought(answer: Callable[[], Any], version: int | None, failure: str, difference: str) -> None:
    """A call records who answered, how it failed, and whether the values are the right ones."""
    client: Any = _Client(answer)
    call = ask_once(client, LATEST, QUESTION, name="c")
    assert (call.version, call.failure) == (version, failure)
    assert call.difference.startswith(difference)
    assert bool(call.difference) is bool(difference)
    assert call.began_ns <= call.ended_ns


def test_rest_does_not_tell_who_answered() -> None:
    """A REST client only echoes what was asked for, so that is not taken for the version that answered."""
    client: Any = _Client(lambda: 1.0, api="rest")
    assert ask_once(client, FIRST, QUESTION, name="c").version is None


def test_every_question_is_asked_over_each_api() -> None:
    """Settled is traffic in which every question was asked anew, over gRPC (which tells who answers) and over REST."""
    lanes = [_lane(lambda: 1.0, LATEST, FIRST, name="a"), _lane(lambda: 1.0, LATEST, FIRST, name="b", api="rest")]
    with Traffic(lanes=lanes, question=QUESTION) as traffic:
        traffic.settle()
        before = {(call.client, call.ask) for call in traffic.calls}
    assert before == {(name, ask) for name in "ab" for ask in (LATEST, FIRST)}


def test_questions_may_change_while_they_flow() -> None:
    """A lane that gets another question asks it from then on."""
    lane = _lane(lambda: 1.0, LATEST)
    with Traffic(lanes=[lane], question=QUESTION) as traffic:
        lane.asks = (LATEST, FIRST)
        traffic.settle()
    assert FIRST in {call.ask for call in traffic.calls}


def test_a_fault_of_the_harness_is_not_swallowed() -> None:
    """What is no answer and no error of a call ends the traffic, and is raised where it is looked at."""
    with (
        pytest.raises(ZeroDivisionError),
        Traffic(lanes=[_lane(lambda: 1 / 0, LATEST)], question=QUESTION) as traffic,
    ):
        traffic.settle()


def test_requests_without_an_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a question brings nothing, waiting for it ends with its name."""
    monkeypatch.setattr("harness.checks.rollout.traffic._PAUSE_S", 1.0)
    with Traffic(lanes=[_lane(lambda: 1.0, LATEST)], question=QUESTION) as traffic:
        traffic.settle()  # the next call comes a second later
        monkeypatch.setattr("harness.checks.rollout.traffic._SETTLE_TIMEOUT_S", 0.01)
        with pytest.raises(
            CheckError, match=r"requests for the latest version of m over grpc got no answer within 0.01 s"
        ):
            traffic.settle()
