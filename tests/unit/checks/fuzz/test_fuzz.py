"""The check ``fuzz`` on sound servers and on ones that are made to break it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from fixtures.altering_proxy import HangUp, Refusal
from harness.checks.fuzz import check
from harness.checks.subject import CheckOptions
from harness.protos import predict_pb2
from harness.tensors import from_proto, to_proto

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.checks.subject import Subject
    from harness.findings import Finding

    Fuzz = Callable[..., list[Finding]]

_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_OPTIONS = CheckOptions(fuzz_examples=5, seed=3)
_SPOILT_ONLY = replace(_OPTIONS, fuzz_examples=0)


@pytest.fixture
def fuzz(opened: Callable[..., Subject]) -> Fuzz:
    """A function that fuzzes a model's default signature as an external server, behind a proxy that makes changes."""

    def run(
        model: str = "half_plus_two", *, options: CheckOptions = _OPTIONS, is_whole: bool = False, **changes: Any
    ) -> list[Finding]:
        subject = opened(model, options, **changes)
        default = {"serving_default": subject.signatures["serving_default"]}
        return check(replace(subject, stage=None, signatures=subject.signatures if is_whole else default))

    return run


def _failed(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.passed]


def _x(request: bytes) -> np.ndarray:
    """Return the input of a Predict request; empty if it has none that can be read."""
    message = predict_pb2.PredictRequest.FromString(request)
    return from_proto(message.inputs["x"]) if "x" in message.inputs else np.zeros(0)


@pytest.mark.parametrize("model", ["half_plus_two", "multi", "text"])
def test_a_sound_server_has_no_faults(fuzz: Fuzz, model: str) -> None:
    """Nothing fails or warns; spoilt requests, right ones and the aftermath are told, and what was left out is."""
    findings = fuzz(model, is_whole=True)
    assert _failed(findings) == []
    told = "\n".join(f"{finding.subject}: {finding.seen}" for finding in findings)
    assert "predict, spoilt requests: refused as they should be: 7 kinds over gRPC, 9 kinds over REST" in told
    assert "over gRPC, requests that fit: " in told
    assert "known requests afterwards: answered as before" in told
    assert "inputs of other shapes: not looked at" in told


def test_examples_are_fuzzed_where_some_are_known(fuzz: Fuzz, tmp_path: Path) -> None:
    """Classify and regress are fuzzed around the requests that are known."""
    known = tmp_path / "known.jsonl"
    known.write_text('{"signature_name": "regress_x_to_y", "examples": [{"x": 1.0}, {"x": 2.0}]}')
    findings = fuzz(options=replace(_OPTIONS, examples=known), is_whole=True)
    assert _failed(findings) == []
    assert "regress_x_to_y, spoilt inputs: refused as they should be: 1 kinds over gRPC, 6 kinds" in _told(findings)
    (drawn,) = [one for one in findings if one.subject == "regress_x_to_y over gRPC, requests that fit"]
    assert "answered" in drawn.seen
    assert "refused by an op" in drawn.seen


def _told(findings: list[Finding]) -> str:
    return "\n".join(f"{finding.subject}: {finding.seen}" for finding in findings)


def _internal_on_nan(_method: str, request: bytes, reply: bytes) -> bytes:
    if _method == _PREDICT and np.isnan(_x(request)).any():
        raise Refusal(grpc.StatusCode.INTERNAL, "something burst")
    return reply


def test_a_server_error_for_right_values_is_caught(fuzz: Fuzz) -> None:
    """INTERNAL on NaN is found over gRPC alone, with the smallest request that brings it and lines that repeat it."""
    (finding,) = _failed(fuzz(grpc_change=_internal_on_nan))
    assert finding.fails
    assert finding.subject == "serving_default over gRPC, requests that fit"
    assert finding.seen == ("INTERNAL: something burst\n  the smallest such request found: x: float32 [1] [nan]")
    line, again = finding.reproduce
    assert "array([nan], 'float32')" in shlex.split(line)[2]
    assert again == "tfserving-harness check PATH --only fuzz --seed 3"


def test_the_same_seed_finds_the_same(fuzz: Fuzz) -> None:
    """A second run with the same seed sends the same requests and ends with the same example."""
    requests: list[list[bytes]] = [[], []]
    found = []
    for sent in requests:

        def change(method: str, request: bytes, reply: bytes, sent: list[bytes] = sent) -> bytes:
            sent.append(request)
            return _internal_on_nan(method, request, reply)

        (finding,) = _failed(fuzz(grpc_change=change))
        found.append((finding.subject, finding.seen))
    assert found[0] == found[1]
    assert requests[0] == requests[1]
    assert len(requests[0]) > 20


def test_the_python_line_brings_the_fault_again(fuzz: Fuzz, opened: Callable[..., Subject]) -> None:
    """What is printed runs, and asks the very same."""
    (finding,) = _failed(fuzz(grpc_change=_internal_on_nan))
    client = opened("half_plus_two", grpc_change=_internal_on_nan).grpc
    assert client is not None
    code = shlex.split(finding.reproduce[0])[2]
    inputs = code.partition("predict(")[2].rpartition(", signature_name")[0]
    with pytest.raises(Exception, match="something burst"):
        client.predict(eval(inputs, vars(np)))  # noqa: S307 - our own text


def test_a_connection_that_breaks_is_caught(fuzz: Fuzz) -> None:
    """A server that hangs up on requests without rows is found over both APIs, and is known to live on."""

    def grpc_change(method: str, request: bytes, reply: bytes) -> bytes:
        if method == _PREDICT and _x(request).shape[:1] == (0,):
            raise HangUp
        return reply

    def rest_change(path: str, body: bytes, status: int, content: bytes) -> tuple[int, bytes]:
        if path.endswith(":predict") and b'"x":[]' in body:
            raise HangUp
        return status, content

    first, second = _failed(fuzz(grpc_change=grpc_change, rest_change=rest_change))
    for finding, api in ((first, "gRPC"), (second, "REST")):
        assert finding.fails
        assert finding.subject == f"serving_default over {api}, requests that fit"
        assert "connection was" in finding.seen
        assert finding.seen.endswith("the smallest such request found: x: float32 [0] []")
    assert second.reproduce[0].endswith("""-d '{"signature_name":"serving_default","inputs":{"x":[]}}'""")


def test_a_refusal_by_no_op_is_caught(fuzz: Fuzz) -> None:
    """A server that refuses NaN itself contradicts its signature."""

    def change(path: str, body: bytes, status: int, content: bytes) -> tuple[int, bytes]:
        is_nan = b"NaN" in body and path.endswith(":predict")
        return (400, b'{"error": "not a number"}') if is_nan else (status, content)

    (finding,) = _failed(fuzz(rest_change=change))
    assert finding.subject == "serving_default over REST, requests that fit"
    assert finding.seen == (
        "HTTP 400 that no op of the model gave: not a number\n  the smallest such request found: x: float32 [1] [nan]"
    )


def test_a_wrong_text_is_caught(fuzz: Fuzz) -> None:
    """A server that names the wrong thing fails for that kind of request alone, over that API alone."""

    def change(_method: str, _request: bytes, code: grpc.StatusCode, details: str) -> bytes:
        raise Refusal(code, details.replace("Unrecognized servable version label", "No such label"))

    (finding,) = _failed(fuzz(options=_SPOILT_ONLY, grpc_error_change=change))
    assert finding.fails
    assert finding.subject == "predict, spoilt requests over gRPC: an unknown label"
    assert finding.seen == (
        "wrong text: INVALID_ARGUMENT: 'No such label: no_such_label'; it should be INVALID_ARGUMENT:"
        " ...Unrecognized servable version label: no_such_label..."
    )
    assert ".send('Predict', bytes.fromhex(" in shlex.split(finding.reproduce[0])[2]


def test_a_wrong_code_is_caught(fuzz: Fuzz) -> None:
    """A server that says 500 where 404 is due fails for an unknown model and an unknown version."""

    def change(_path: str, _body: bytes, status: int, content: bytes) -> tuple[int, bytes]:
        return (500 if status == 404 else status), content

    findings = _failed(fuzz(options=_SPOILT_ONLY, rest_change=change))
    assert {finding.subject.rpartition(": ")[2] for finding in findings} == {"an unknown model", "an unknown version"}
    assert all(finding.seen.startswith("wrong code: 500: 'Servable not found for request: ") for finding in findings)
    assert all(finding.fails and "over REST" in finding.subject for finding in findings)
    assert findings[0].reproduce[0].startswith("curl -s http://127.0.0.1:")


def test_an_answer_to_a_spoilt_request_is_caught(fuzz: Fuzz) -> None:
    """A server that takes a wrong dtype for the right one fails for that, over both APIs."""

    def grpc_change(_method: str, _request: bytes, code: grpc.StatusCode, details: str) -> bytes:
        if "is provided" in details:
            answer = predict_pb2.PredictResponse()
            answer.outputs["y"].CopyFrom(to_proto(np.zeros(2, np.float32)))
            return bytes(answer.SerializeToString())
        raise Refusal(code, details)

    def rest_change(_path: str, _body: bytes, status: int, content: bytes) -> tuple[int, bytes]:
        return (200, b'{"outputs": [0.0]}') if b"is not of expected type" in content else (status, content)

    findings = _failed(fuzz(options=_SPOILT_ONLY, grpc_error_change=grpc_change, rest_change=rest_change))
    assert [finding.subject for finding in findings] == [
        "serving_default, spoilt inputs over gRPC: a wrong dtype",
        "serving_default, spoilt inputs over REST: a wrong dtype",
    ]
    assert findings[0].seen == (
        "it was answered; it should be refused with INVALID_ARGUMENT: to be float but double is provided"
    )
    assert findings[1].seen.startswith("it was answered; it should be refused with 400: is not of expected type: float")


def test_a_server_that_stays_changed_is_caught(fuzz: Fuzz) -> None:
    """Once it has met an infinity, the server answers otherwise: that is seen afterwards."""
    has_met: list[bool] = []

    def change(method: str, request: bytes, reply: bytes) -> bytes:
        if method != _PREDICT:
            return reply
        x = _x(request)
        has_met.extend([True] * bool(np.isinf(x).any()))
        if not has_met:
            return reply
        answer = predict_pb2.PredictResponse.FromString(reply)
        answer.outputs["y"].CopyFrom(to_proto(np.zeros_like(x)))
        return bytes(answer.SerializeToString())

    (finding,) = _failed(fuzz(grpc_change=change))
    assert finding.fails
    assert finding.subject == "known requests afterwards, serving_default over gRPC"
    assert "y: [" in finding.seen


def test_a_model_that_draws_lots_is_compared_with_nothing(fuzz: Fuzz) -> None:
    """Where the same request brings other answers anyhow, no difference is held against the server."""
    counter = iter(range(10**6))

    def change(method: str, _request: bytes, reply: bytes) -> bytes:
        if method != _PREDICT:
            return reply
        answer = predict_pb2.PredictResponse.FromString(reply)
        answer.outputs["y"].CopyFrom(to_proto(np.float32([next(counter)])))
        return bytes(answer.SerializeToString())

    findings = fuzz(options=_SPOILT_ONLY, grpc_change=change)
    assert _failed(findings) == []
    assert "the same request brings other answers anyhow (serving_default over gRPC)" in _told(findings)


def test_a_server_that_ends_is_told_and_asked_no_more(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of someone else's that answers no more is one error; the rest is left out."""
    monkeypatch.setattr("harness.checks.fuzz.arena._LIFE_SIGN_S", 0.2)
    is_gone: list[bool] = []

    def grpc_change(method: str, request: bytes, reply: bytes) -> bytes:
        is_gone.extend([True] * (method == _PREDICT and bool(np.isinf(_x(request)).any())))
        if is_gone:
            raise HangUp
        return reply

    def grpc_error_change(_method: str, _request: bytes, code: grpc.StatusCode, details: str) -> bytes:
        raise HangUp if is_gone else Refusal(code, details)

    def rest_change(_path: str, _body: bytes, status: int, content: bytes) -> tuple[int, bytes]:
        if is_gone:
            raise HangUp
        return status, content

    changes = {"grpc_change": grpc_change, "grpc_error_change": grpc_error_change, "rest_change": rest_change}
    findings = fuzz(**changes)
    (finding,) = _failed(findings)
    assert finding.fails
    assert finding.seen.startswith("the server answers no more\n  the smallest such request found: x: float32 ")
    assert "inf" in finding.seen
    assert "whatever else there was to ask: not looked at: the server has ended" in _told(findings)


def test_no_requests_may_be_asked_for(fuzz: Fuzz) -> None:
    """With 0 examples only spoilt requests are sent, and that is told."""
    told = _told(fuzz(options=_SPOILT_ONLY))
    assert "requests that fit: not looked at: 0 of them were asked for" in told
    assert "spoilt inputs: refused as they should be" in told


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_one_api_is_enough(opened: Callable[..., Subject], api: str) -> None:
    """A server with one API is fuzzed over that one."""
    both = opened("half_plus_two", replace(_OPTIONS, fuzz_examples=10))
    findings = check(replace(both, stage=None, **{"rest" if api == "grpc" else "grpc": None}))
    assert _failed(findings) == []
    told = _told(findings)
    assert ("gRPC" in told, "REST" in told) == (api == "grpc", api == "rest")
