"""Sizes of messages, against what clients send and what servers answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.checks.message_sizes import answer_bytes, request_bytes
from harness.checks.request import Request
from harness.protos import predict_pb2
from harness.tensors import as_array

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.checks.subject import Subject

# An array, and the field of a TensorProto that a server fills with its values (behaviour item 60).
_ARRAYS: dict[str, Any] = {
    "float_val": np.linspace(0, 1, 1000, dtype=np.float32),
    "double_val": np.linspace(0, 1, 1000),
    "int64_val": np.array([0, 1, 127, 128, 2**14, 2**35, 2**62, -1] * 100),
    "int_val": np.arange(256, dtype=np.uint8),
    "bool_val": np.array([True, False] * 100),
    "scomplex_val": np.ones(100, np.complex64),
    "string_val": as_array(["a" * 50, ""] * 100),
}


@pytest.mark.parametrize("field", _ARRAYS)
def test_answers_take_what_typed_fields_take(field: str) -> None:
    """The estimate is what the typed field takes, but for the head of the message."""
    array = _ARRAYS[field]
    message = predict_pb2.PredictResponse()
    values = array.view(np.float32) if field == "scomplex_val" else array
    getattr(message.outputs["y"], field).extend(values.tolist())
    assert answer_bytes("grpc", {"y": array}) == pytest.approx(message.ByteSize(), abs=20)


def test_answers_over_rest_take_their_json() -> None:
    """Over REST the estimate is the JSON without spaces."""
    assert (
        answer_bytes("rest", {"y": np.array([1.5, 2.0]), "s": as_array(["é"])}) == len('{"y":[1.5,2.0],"s":["é"]}') + 1
    )


def test_requests_take_what_is_sent(opened: Callable[..., Subject]) -> None:
    """A request's size is that of the message or body, for every method."""
    subject = opened("half_plus_two")
    assert subject.grpc is not None
    assert subject.rest is not None
    predict = Request(inputs={"x": np.zeros(1000, np.float32)})
    assert 4000 < request_bytes(subject.grpc, predict) < 4100
    assert request_bytes(subject.rest, predict) == len(subject.rest.encode_predict(predict.inputs))
    regress = Request(signature_name="regress_x_to_y", method="regress", examples=({"x": 1.0},) * 10)
    assert request_bytes(subject.rest, regress) == len(
        '{"signature_name":"regress_x_to_y","examples":[' + ",".join(['{"x":1.0}'] * 10) + "]}"
    )
    of_one = request_bytes(subject.grpc, regress.take([0]))
    assert request_bytes(subject.grpc, regress) == pytest.approx(10 * of_one, abs=20)
