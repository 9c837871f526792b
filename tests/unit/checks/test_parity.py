"""Parity between gRPC and REST, with clients and servers that differ where a test wants them to."""

from __future__ import annotations

import itertools
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.mutations import in_text, on_grpc, on_rest, rounded_to_six_digits
from harness.checks import check_parity
from harness.checks.parity import check, rest_obstacle
from harness.checks.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.checks.subject import Subject
    from harness.findings import Finding


_X = {"x": np.ones((2, 2), np.float32)}


def _answer(*values: float) -> Any:
    return lambda *_: {"y": np.array([values, values], np.float32)}


def _both(make: Any, grpc_answer: Any, rest_answer: Any) -> tuple[Any, Any]:
    return make.client("grpc", {}, grpc_answer), make.client("rest", {}, rest_answer)


def test_equal_answers_pass_in_both_layouts(make: Any) -> None:
    """The same answers are two findings that passed; gRPC is asked twice, so that an unsteady model shows."""
    grpc_client, rest_client = _both(make, _answer(0.5), _answer(0.5))
    findings = check_parity(grpc_client, rest_client, make.signature(), _X)
    assert [(finding.subject, finding.passed) for finding in findings] == [
        ("serving_default, REST column layout = gRPC", True),
        ("serving_default, REST row layout = gRPC", True),
    ]
    assert grpc_client.calls == ["column", "column"]
    assert rest_client.calls == ["column", "row"]


def test_nan_in_both_answers_is_parity(make: Any) -> None:
    """If both APIs answer NaN they agree; if one does, they do not."""
    nan = _answer(float("nan"))
    *both, remark = check_parity(*_both(make, nan, nan), make.signature(), _X)
    assert [finding.passed for finding in both] == [True, True]
    assert "holds NaN or infinity, which REST writes as bare words" in remark.seen
    *both, _ = check_parity(*_both(make, nan, _answer(1.0)), make.signature(), _X)
    assert [finding.fails for finding in both] == [True, True]


def test_a_difference_fails_with_lines_to_paste(make: Any) -> None:
    """A layout whose answer differs fails alone, and says how to see it again over both APIs."""
    rest = lambda _inputs, layout: {"y": np.full((2, 1), 0.5 if layout == "column" else 0.6, np.float32)}  # noqa: E731
    column, row = check_parity(*_both(make, _answer(0.5), rest), make.signature(), _X)
    assert column.passed
    assert row.fails
    assert "is 0.6, expected 0.5" in row.seen
    grpc_line, rest_line = row.reproduce
    assert "GrpcClient(Endpoint(grpc='h:1'" in shlex.split(grpc_line)[2]
    assert rest_line.startswith("curl -s http://h:2/v1/models/m:predict -d ")
    assert '"instances"' in rest_line


def test_another_dtype_or_output_fails(make: Any) -> None:
    """Outputs of another dtype, missing or surplus ones are no parity."""
    for outputs in ({"y": np.array([[0.5]] * 2)}, {"z": np.zeros((2, 1), np.float32)}, {}):
        grpc_client, rest_client = _both(make, _answer(0.5), lambda *_, outputs=outputs: outputs)
        assert all(finding.fails for finding in check_parity(grpc_client, rest_client, make.signature(), _X))


def test_a_refusal_on_either_side_fails(make: Any) -> None:
    """A call that brings no answer fails the check with the server's text."""
    for answers in ((make.refuse, _answer(0.5)), (_answer(0.5), make.refuse)):
        findings = check_parity(*_both(make, *answers), make.signature(), _X)
        assert findings
        assert all(finding.fails and "no model here" in finding.seen for finding in findings)


@pytest.mark.parametrize(
    ("inputs", "outputs", "why"),
    [
        ({"x": np.float32(1)}, {"y": np.zeros((2, 1), np.float32)}, "its inputs share no first dimension"),
        ({"x": np.zeros(0, np.float32)}, {"y": np.zeros((0, 1), np.float32)}, "it holds no row"),
        ({"a": np.zeros(2), "b": np.zeros(3)}, {"y": np.zeros(2)}, "its inputs share no first dimension"),
        ({"x": np.zeros(2)}, {"y": np.zeros(())}, "its outputs share no first dimension"),
        ({"x": np.zeros(2)}, {"y": np.zeros(2), "z": np.zeros(3)}, "its outputs share no first dimension"),
        ({}, {"y": np.zeros(2)}, "its inputs share no first dimension"),
    ],
)
def test_rows_are_left_out_where_there_are_none(make: Any, inputs: Any, outputs: Any, why: str) -> None:
    """Without one batch size on both sides the row layout cannot be asked, and that is said (behaviour item 156)."""
    rest_client = make.client("rest", {}, lambda *_: outputs)
    grpc_client = make.client("grpc", {}, lambda *_: outputs)
    column, left_out = check_parity(grpc_client, rest_client, make.signature(), inputs)
    assert column.passed
    assert (left_out.subject, left_out.seen) == ("serving_default, REST row layout", f"not looked at: {why}")
    assert (left_out.passed, left_out.severity) == (True, "info")
    assert rest_client.calls == ["column"]


@pytest.mark.parametrize(
    ("side", "dtype", "text"),
    [
        ("inputs", "float16", "REST takes no float16 (input 'v')"),
        ("inputs", "complex64", "REST takes no complex64 (input 'v')"),
        ("outputs", "bfloat16", "REST cannot write bfloat16 (output 'v')"),
    ],
)
def test_what_rest_cannot_carry_is_told_and_fails_nothing(make: Any, side: str, dtype: str, text: str) -> None:
    """A signature with such dtypes is an info finding that passed; nobody is called."""
    signature = make.signature(**{side: [make.spec("v", dtype)]})
    assert rest_obstacle(signature) == text
    grpc_client, rest_client = _both(make, make.refuse, make.refuse)
    (finding,) = check_parity(grpc_client, rest_client, signature, _X)
    assert (finding.passed, finding.severity, finding.seen) == (True, "info", text)
    assert grpc_client.calls == rest_client.calls == []


def test_what_rest_carries_is_no_obstacle(make: Any) -> None:
    """Signatures of plain dtypes have no obstacle."""
    assert rest_obstacle(make.signature()) == ""


def _for(subject: Subject, *requests: Request) -> Subject:
    """Return the subject without a stage, asked with these requests, or with those it has."""
    return replace(subject, stage=None, requests=requests or subject.requests)


_EXAMPLES = ({"x": 1.5}, {"x": 1 / 3})
_OF_EXAMPLES = (
    Request(signature_name="classify_x_to_y", method="classify", examples=_EXAMPLES, source="two examples"),
    Request(signature_name="regress_x_to_y", method="regress", examples=_EXAMPLES, source="two examples"),
)


def test_classify_and_regress_are_compared_too(opened: Callable[..., Subject]) -> None:
    """Requests of tf.Examples are asked over both APIs, each in its one form."""
    findings = check(_for(opened("half_plus_two"), *_OF_EXAMPLES))
    assert [(one.subject, one.seen) for one in findings[:2]] == [
        ("classify_x_to_y, REST = gRPC", "the same outputs (two examples)"),
        ("regress_x_to_y, REST = gRPC", "the same outputs (two examples)"),
    ]


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_other_scores_and_values_fail(opened: Callable[..., Subject], method: str) -> None:
    """A class's score or a value that REST rounds is found, with lines that ask it again."""

    def rounded(path: str, _request: bytes, status: int, body: bytes) -> tuple[int, bytes]:
        return status, rounded_to_six_digits(body) if path.endswith(f":{method}") else body

    subject = _for(opened("half_plus_two", rest_change=rounded), *_OF_EXAMPLES)
    (finding,) = [one for one in check(subject) if one.fails]
    assert finding.subject == f"{method}_x_to_y, REST = gRPC"
    assert "is 4.16667, expected 4.1666665" in finding.seen
    assert "GrpcClient(Endpoint(" in finding.reproduce[0]
    assert f"signature_name='{method}_x_to_y'))" in shlex.split(finding.reproduce[0])[2]
    assert f"/v1/models/half_plus_two:{method} -d" in finding.reproduce[1]


def _twice(body: bytes) -> bytes:
    return body.decode("latin-1").encode()


def _as_double(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_double(one) for one in value]
    if isinstance(value, dict):
        return {name: _as_double(one) for name, one in value.items()}
    return int(float(value)) if type(value) is int else value


@pytest.mark.parametrize(
    ("model", "change", "text"),
    [
        ("odd", {"rest_change": in_text(rounded_to_six_digits)}, "y: [0, 0] is 1.27392, expected 1.2739234"),
        ("multi", {"rest_change": on_rest(_as_double)}, "next_id: [0] is "),
        ("multi", {"rest_change": in_text(_twice)}, "tagged: [0] is b'"),
        ("odd", {"grpc_change": on_grpc(lambda array: array[:, :, np.newaxis])}, "shape [2, 3], expected [2, 3, 1]"),
        ("odd", {"grpc_change": on_grpc(lambda array: array.astype(np.float64))}, "dtype float32, expected float64"),
    ],
    ids=["six digits", "integers as doubles", "text encoded twice", "an output reshaped", "another dtype"],
)
def test_what_one_api_alters_is_found_by_parity_alone(
    opened: Callable[..., Subject],
    failing: Callable[..., dict[str, list[Finding]]],
    model: str,
    change: dict[str, Any],
    text: str,
) -> None:
    """What only one API alters fails parity, with the place and both values or forms."""
    subject = opened(model, **change)
    request = _of_signature(subject, "serving_default")
    found = failing(_for(subject, request), "contract", "parity")
    assert list(found) == ["parity"]
    assert all(text in one.seen and "(some values)" in one.seen for one in found["parity"])


def _of_signature(subject: Subject, name: str) -> Request:
    found = next(one for one in subject.requests if one.signature_name == name)
    if "ids" not in found.inputs:
        return replace(found, source="some values")
    texts = np.array(["größe".encode(), b"plain"], dtype=object)
    ids = np.array([2**53 + 2, 5], np.int64)
    return replace(found, inputs={**found.inputs, "ids": ids, "label": texts}, source="some values")


def test_a_model_that_is_not_deterministic_is_a_warning(opened: Callable[..., Subject]) -> None:
    """Two answers of gRPC that differ are told as that; the output that is steady is still compared."""
    subject = opened("odd")
    findings = check(_for(subject, *(one for one in subject.requests if one.signature_name == "random")))
    assert not any(one.fails for one in findings)
    (warning,) = [one for one in findings if not one.passed]
    assert warning.severity == "warning"
    assert warning.subject == "random: drawn of the same request twice over gRPC"
    assert warning.seen.startswith("the model is not deterministic: [")
    assert warning.seen.endswith("(values made up to fit the signature (2 rows)); only dtype and rank are compared")


def test_a_random_output_of_another_rank_fails(opened: Callable[..., Subject]) -> None:
    """Of an output whose values are random, dtype and rank are still compared."""
    subject = opened("odd", rest_change=on_rest(lambda value: [value]))
    requests = (one for one in subject.requests if one.signature_name == "random")
    column = check(_for(subject, *requests))[0]
    assert column.fails
    assert "drawn: shape [1, 2, 3], expected [2, 3]" in column.seen


def test_float_noise_of_grpc_is_granted_to_rest(make: Any) -> None:
    """Where two answers of gRPC differ in the last bits, REST may differ as much, and that is said."""
    answers = itertools.cycle([0.5, 0.50000006])
    grpc_client, rest_client = _both(
        make, lambda *_: {"y": np.full((2, 2), next(answers), np.float32)}, _answer(0.500001, 0.500001)
    )
    column, row = check_parity(grpc_client, rest_client, make.signature(), _X)
    assert column.passed
    assert row.passed
    assert column.seen.startswith("the same outputs, y within float noise as two answers of gRPC differ so (")


@pytest.mark.parametrize(("value", "is_exact"), [(1e30, False), (0.1, True)])
def test_doubles_that_json_readers_round_are_compared_within_noise(make: Any, value: float, *, is_exact: bool) -> None:
    """Only for float64 inputs of very large powers does REST get the benefit of the doubt."""
    double = lambda last: lambda *_: {"y": np.full((2, 2), 1.0 + last)}  # noqa: E731
    inputs = {"x": np.full((2, 2), value)}
    column, row = check_parity(*_both(make, double(0.0), double(1e-12)), make.signature(), inputs)
    assert [column.fails, row.fails] == [is_exact, is_exact]
    assert is_exact or "JSON's readers round such float64 inputs" in column.seen


def test_an_unsteady_moment_is_not_laid_at_the_door_of_rest(make: Any) -> None:
    """Where REST differs, gRPC is asked again; if its answers then differ as well, that is the finding."""
    answers = iter([0.5, 0.5, *[0.7] * 20])
    grpc_client, rest_client = _both(make, lambda *_: {"y": np.full((2, 2), next(answers), np.float32)}, _answer(0.7))
    findings = check_parity(grpc_client, rest_client, make.signature(), _X)
    assert [one.passed for one in findings] == [True, True, False]
    assert findings[-1].severity == "warning"
    assert "the model is not deterministic" in findings[-1].seen


def test_bytes_that_are_no_text_are_a_warning_with_its_remedy(opened: Callable[..., Subject]) -> None:
    """Such an output is the same over both APIs, but no valid JSON; its name could make it so."""
    subject = opened("odd")
    findings = check(_for(subject, *(one for one in subject.requests if one.signature_name == "raw_text")))
    (warning,) = [one for one in findings if not one.passed]
    assert (warning.subject, warning.severity) == ("raw_text: text over REST", "warning")
    assert "name the output text_bytes and REST writes base64" in warning.seen


@pytest.mark.parametrize(
    ("signature", "remark"),
    [("not_finite", "NaN or infinity, which REST writes as bare words that JSON has not"), ("tiny", "")],
)
def test_declared_differences_fail_nothing(opened: Callable[..., Subject], signature: str, remark: str) -> None:
    """NaN is the same over both APIs; denormal numbers are zeros over REST, which is no difference."""
    subject = opened("odd")
    findings = check(_for(subject, *(one for one in subject.requests if one.signature_name == signature)))
    assert all(one.passed for one in findings)
    assert [one.severity for one in findings if remark and remark in one.seen] == (["info"] if remark else [])


def test_integers_beyond_doubles_are_remarked(opened: Callable[..., Subject]) -> None:
    """An int64 that doubles cannot hold is the same over both APIs; readers that round it are warned of it."""
    subject = opened("multi")
    findings = check(_for(subject, _of_signature(subject, "serving_default")))
    (remark,) = [one for one in findings if one.subject == "serving_default: next_id over REST"]
    assert remark.passed
    assert "integers beyond 2**53" in remark.seen


def test_the_source_of_every_request_is_named(opened: Callable[..., Subject]) -> None:
    """Requests that come out alike are one finding, with the sources of all."""
    subject = opened("half_plus_two")
    requests = [replace(subject.requests[0], source=source) for source in ("one", "two")]
    column = check(_for(subject, *requests))[0]
    assert column.seen == "the same outputs (one, two)"


def test_a_signature_without_inputs_is_not_asked_over_rest(make: Any) -> None:
    """REST refuses such a signature before it runs (behaviour item 137)."""
    signature = replace(make.signature(), inputs=())
    (finding,) = check_parity(*_both(make, make.refuse, make.refuse), signature, {})
    assert (finding.passed, finding.seen) == (True, "REST cannot ask a signature that has no inputs")


def test_both_apis_refuse_the_same(opened: Callable[..., Subject]) -> None:
    """A signature, a version and a label that are not there are refused with codes that correspond."""
    refusals = [one for one in check(_for(opened("half_plus_two"))) if "not there" in one.subject]
    assert [one.passed for one in refusals] == [True, True, True]
    assert refusals[0].seen == "both refuse it, REST with INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda status, body: (500 if status == 404 else status, body), "gRPC: NOT_FOUND; REST: INTERNAL"),
        (lambda _status, body: (200, body), "gRPC: NOT_FOUND; REST: an answer"),
    ],
    ids=["another status", "an answer"],
)
def test_other_refusals_fail(
    opened: Callable[..., Subject], failing: Callable[..., dict[str, list[Finding]]], change: Any, text: str
) -> None:
    """A gateway that turns a status into another one is found by parity."""

    def changed(path: str, _request: bytes, status: int, body: bytes) -> tuple[int, bytes]:
        return change(status, body) if path.endswith(":predict") else (status, body)

    subject = opened("half_plus_two", rest_change=changed)
    found = failing(_for(subject, _of_signature(subject, "serving_default")), "contract", "parity")
    assert list(found) == ["parity"]
    assert any(text in one.seen for one in found["parity"])
