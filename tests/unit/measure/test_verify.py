"""Verification: which answers are wrong, which merely rounded otherwise, and which cannot be judged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.checks.tolerance import Tolerance
from harness.errors import StatusError
from harness.load import Answer
from harness.measure import expect, make_pool, verify
from harness.measure.material import Recorded
from harness.protos import classification_pb2, predict_pb2, regression_pb2
from harness.results import Throughput
from harness.tensors import to_proto

if TYPE_CHECKING:
    from collections.abc import Callable

_APIS = pytest.mark.parametrize("api", ["grpc", "rest"])


def _body(api: str, *rows: float) -> bytes:
    """Return the answer with a row ``[value, value]`` for each value."""
    array = np.repeat(np.array(rows, np.float32)[:, None], 2, axis=1)
    if api == "rest":
        return json.dumps({"outputs": array.tolist()}).encode()
    return bytes(predict_pb2.PredictResponse(outputs={"y": to_proto(array)}).SerializeToString())


class Served:
    """A server's side of ``client.send``: answers the request of number n of a pool with ``answer(n)``."""

    def __init__(self, pool: Any, answer: Callable[[int], bytes]) -> None:
        """Know a pool's bodies."""
        self._numbers = {each.body: number for number, each in enumerate(pool.encoded)}
        self._answer = answer
        self.asked: list[int] = []
        self.methods: set[str] = set()

    def send(self, method: str, body: bytes) -> bytes:
        """Answer, and remember."""
        self.methods.add(method)
        self.asked.append(self._numbers[body])
        return self._answer(self._numbers[body])


@pytest.fixture
def pool(make: Any, client: Callable[[str], Any]) -> Callable[..., Any]:
    """A function that returns a pool of three requests; right answers are ``_body(api, number + 1)``."""

    def of(api: str, **recorded: Any) -> Any:
        asked = [Recorded(request=make.predict(value), **recorded) for value in (1, 2, 3)]
        return make_pool(client(api), asked, source="a test")

    return of


@_APIS
def test_right_answers_are_counted(api: str, pool: Callable[..., Any]) -> None:
    """Asked one by one before the load, the first twice; answers that are equal, or rounded otherwise, are right."""
    of_api = pool(api)
    served = Served(of_api, lambda number: _body(api, number + 1))
    expected = expect(of_api, served)
    assert served.asked == [0, 0, 1, 2]
    assert served.methods == {"Predict" if api == "grpc" else "/v1/models/m/versions/7:predict"}
    answers = [Answer(request=number, body=_body(api, number + 1)) for number in (0, 1, 2, 0)]
    answers.append(Answer(request=2, body=_body(api, 3 * (1 + 5e-5))))  # beyond the tolerance, within batches' noise
    found = verify(answers, of_api, expected)
    assert (found.compared, found.wrong, found.text, found.notes) == (5, 0, "", ())


@_APIS
def test_an_answer_of_another_request_is_found_out(api: str, pool: Callable[..., Any]) -> None:
    """Two answers are swapped: both are wrong, and the text says whose the first one is."""
    of_api = pool(api)
    expected = expect(of_api, Served(of_api, lambda number: _body(api, number + 1)))
    swapped = {0: 0, 1: 2, 2: 1}
    answers = [Answer(request=number, body=_body(api, owner + 1)) for number, owner in swapped.items()]
    found = verify(answers, of_api, expected)
    assert (found.compared, found.wrong) == (3, 2)
    assert found.text.startswith(
        "2 of 3 answers compared are wrong; the answer to request 1 is wrong: y: [0, 0] is 3.0"
    )
    assert found.text.endswith("; it is the answer to request 2")


@_APIS
def test_an_answer_that_cannot_be_read_is_wrong(api: str, pool: Callable[..., Any]) -> None:
    """Neither message nor JSON, another shape, or another output: each is told as such."""
    of_api = pool(api)
    expected = expect(of_api, Served(of_api, lambda number: _body(api, number + 1)))
    for body, what in ((b"\xff{", "the answer cannot be read"), (_body(api, 1, 1), r"shape [2, 2], expected [1, 2]")):
        found = verify([Answer(request=0, body=body)], of_api, expected)
        assert found.wrong == 1
        assert what in found.text


def test_recorded_answers_come_before_asking(pool: Callable[..., Any]) -> None:
    """They are compared within their own tolerance; outputs that are not recorded are not looked at."""
    recorded = {"y": np.full((1, 2), 1, np.float32)}
    wide = {"float32": Tolerance(rtol=0, atol=1.5)}
    of_api = pool("grpc", answer=recorded, tolerances=wide)
    served = Served(of_api, lambda number: _body("grpc", number + 1))
    expected = expect(of_api, served)
    assert served.asked == []
    answers = [Answer(request=number, body=_body("grpc", number + 1)) for number in range(3)]
    further = predict_pb2.PredictResponse.FromString(answers[0].body)
    further.outputs["z"].CopyFrom(to_proto(np.zeros(1, np.float32)))
    answers[0] = Answer(request=0, body=further.SerializeToString())
    found = verify(answers, of_api, expected)
    assert (found.compared, found.wrong) == (3, 1)
    assert "the answer to request 2 is wrong: y: [0, 0] is 3.0, expected 1.0" in found.text
    assert expect(of_api, served, use_recorded=False).of[2].outputs["y"].tolist() == [[3, 3]]


def test_alike_answers_tell_nothing_of_a_mix_up(pool: Callable[..., Any]) -> None:
    """Where every request is to be answered alike the verification says that it could not see one."""
    of_api = pool("grpc")
    expected = expect(of_api, Served(of_api, lambda _: _body("grpc", 1)))
    found = verify([Answer(request=0, body=_body("grpc", 1))], of_api, expected)
    assert found.notes == (
        "all requests compared are to be answered alike: answers to the wrong request would not show",
    )


def test_what_the_model_draws_anew_is_not_compared(pool: Callable[..., Any]) -> None:
    """An output that differs between two answers to one request is left out, and told."""
    of_api = pool("grpc")
    draws = iter(range(10))
    expected = expect(of_api, Served(of_api, lambda _: _body("grpc", next(draws))))
    found = verify([Answer(request=0, body=_body("grpc", 8))], of_api, expected)
    assert (found.compared, found.wrong) == (0, 0)
    assert "y is not compared: two answers to one request differ" in found.notes[0]


def test_what_was_not_asked_is_not_compared_and_told(pool: Callable[..., Any]) -> None:
    """A bound of requests, and a request that brings an error, leave answers without anything to compare with."""
    of_api = pool("grpc")
    expected = expect(of_api, Served(of_api, lambda number: _body("grpc", number + 1)), most=1)
    answers = [Answer(request=number, body=_body("grpc", number + 1)) for number in range(3)]
    found = verify(answers, of_api, expected)
    assert (found.compared, found.wrong) == (1, 0)
    assert "2 requests were not asked before the load: their answers are not compared" in found.notes
    assert "2 answers not compared: nothing is known to compare with" in found.notes

    def refuse(number: int) -> bytes:
        if number == 1:
            raise StatusError("no", code="INTERNAL", target="h:1", api="grpc", request="predict model=m")
        return _body("grpc", number + 1)

    found = verify(answers, of_api, expect(of_api, Served(of_api, refuse)))
    assert (found.compared, found.wrong) == (2, 0)
    assert "1 request brought no answer before the load: INTERNAL: no" in found.notes[0]


@_APIS
@pytest.mark.parametrize("method", ["classify", "regress"])
def test_classes_and_values_are_compared_too(api: str, method: Any, make: Any, client: Callable[[str], Any]) -> None:
    """A label or a number of another request is wrong."""
    of_api = make_pool(client(api), [make.examples(value, method=method) for value in (1, 2)], source="a test")

    def body(number: int) -> bytes:
        if api == "rest":
            row: Any = [[f"label {number}", 0.25]] if method == "classify" else number
            return json.dumps({"results": [row]}).encode()
        if method == "regress":
            answer = regression_pb2.RegressionResponse()
            answer.result.regressions.add(value=number)
            return bytes(answer.SerializeToString())
        response = classification_pb2.ClassificationResponse()
        response.result.classifications.add().classes.add(label=f"label {number}", score=0.25)
        return bytes(response.SerializeToString())

    expected = expect(of_api, Served(of_api, body))
    right, swapped = ([Answer(request=n, body=body(abs(n - turn))) for n in range(2)] for turn in (0, 1))
    assert verify(right, of_api, expected).wrong == 0
    assert verify(swapped, of_api, expected).wrong == 2


def test_the_numbers_go_into_the_row(pool: Callable[..., Any]) -> None:
    """A row of a run has both counts, and a wrong answer as its first warning."""
    of_api = pool("grpc")
    expected = expect(of_api, Served(of_api, lambda number: _body("grpc", number + 1)))
    row = Throughput(
        model="m", api="grpc", method="predict", concurrency=1, duration_s=1, n=1, rate_per_s=1, percentiles=(),
        warnings=("late",),
    )  # fmt: skip
    found = verify([Answer(request=0, body=_body("grpc", 9))], of_api, expected)
    told = found.on(row)
    assert (told.answers_compared, told.answers_wrong) == (1, 1)
    assert told.warnings == (found.text, "late")
    assert found.text.startswith("1 of 1 answer compared is wrong; the answer to request 0 is wrong: y: ")
