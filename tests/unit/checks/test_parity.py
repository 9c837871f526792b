"""Parity between gRPC and REST, with clients that differ where a test wants them to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.checks import check_parity
from harness.checks.parity import rest_obstacle

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
    assert "GrpcClient(Endpoint(grpc='h:1'" in grpc_line
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
