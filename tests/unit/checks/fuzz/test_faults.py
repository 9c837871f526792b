"""What errors say of model and server."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.fuzz.faults import fault_of
from harness.errors import ConnectionFailedError, DeadlineError, ResponseError, StatusError, WrongProtocolError

_WHERE: dict[str, Any] = {"target": "h:1", "request": "predict"}
_OP = "In[0] ndims must be >= 2\n\t [[{{node matmul_y}}]]"


def _status(code: str, text: str, http_status: int | None = None) -> StatusError:
    api = "grpc" if http_status is None else "rest"
    return StatusError(text, code=code, http_status=http_status, api=api, **_WHERE)


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE", "RESOURCE_EXHAUSTED"])
@pytest.mark.parametrize(
    "text",
    [
        _OP,
        "Incompatible shapes\n\t [[{{function_node __inference_only_sum_439}}{{node add}}]]",
        "Batching Run() input tensors must have at least one dimension",
        "Task size 9 is larger than maximum input batch size 4",
        "Batched output tensor has 0 dimensions",
        "Must specify at least one target to fetch or execute.",
        "x" * 1000 + "...TRUNCATED",
    ],
)
def test_refusals_by_an_op_or_by_rule_are_no_fault(code: str, text: str) -> None:
    """An op that refuses values names itself; some rules of the server itself are known."""
    assert fault_of(_status(code, text)) is None


@pytest.mark.parametrize("code", ["INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS"])
def test_codes_for_a_fault_of_the_server_are_one(code: str) -> None:
    """Whatever the text, the server says that it is to blame."""
    fault = fault_of(_status(code, _OP))
    assert fault is not None
    assert (fault.kind, fault.severity) == (code, "error")
    assert fault.text == f"{code}: {_OP}"


def test_http_500_is_one() -> None:
    """Over REST the HTTP status is the kind."""
    fault = fault_of(_status("INTERNAL", _OP, 500))
    assert fault is not None
    assert fault.kind == "HTTP 500"


def test_a_refusal_without_an_op_is_a_fault() -> None:
    """A server that refuses what its own signature allows contradicts itself."""
    fault = fault_of(_status("INVALID_ARGUMENT", "Expects arg[0] to be double but float is provided"))
    assert fault is not None
    assert fault.kind == "INVALID_ARGUMENT, by no op"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (DeadlineError, "no answer in time"),
        (ConnectionFailedError, "connection lost"),
        (ResponseError, "unreadable answer"),
        (WrongProtocolError, "no answer"),
    ],
)
def test_no_answer_is_a_fault(kind: Any, name: str) -> None:
    """Each way to give no answer is a kind of its own, told in one line."""
    fault = fault_of(kind("it was so", api="grpc", **_WHERE))
    assert fault is not None
    assert (fault.kind, fault.text) == (name, "it was so")
