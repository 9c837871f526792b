"""How many bytes requests and answers take on the wire, over either API."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from harness.clients.examples import input_proto
from harness.clients.rest_codec import examples_body
from harness.dtypes import dtype_of_array
from harness.tensors_json import dumps, to_json_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.checks.request import Request
    from harness.clients import GrpcClient, RestClient

__all__ = ["answer_bytes", "request_bytes"]

_LONGEST_VARINT = 10  # negative numbers take this many bytes


def request_bytes(client: GrpcClient | RestClient, request: Request) -> int:
    """Return the size of a request's message or body; of a message for classify or regress without its address.

    Raises:
        TensorError: values that this API cannot carry.
    """
    name = request.signature_name
    if request.method == "predict":
        return len(client.encode_predict(request.inputs, signature_name=name))
    if client.api == "rest":
        return len(examples_body(request.examples, request.context, signature_name=name))
    return cast("int", input_proto(request.examples, request.context).ByteSize())


def answer_bytes(api: str, answer: Mapping[str, np.ndarray]) -> int:
    """Return about how many bytes an answer's values take: as a tensor's typed fields, or as JSON without spaces."""
    if api == "rest":
        return len(dumps({name: to_json_value(array, name=name) for name, array in answer.items()}))
    return sum(_field_bytes(array) for array in answer.values())


def _field_bytes(array: np.ndarray) -> int:
    """Return the size of a tensor's typed field, as a server fills it (behaviour item 60): integers are varints."""
    kind = dtype_of_array(array).kind
    if kind == "string":
        return sum(len(element) + 2 for element in array.reshape(-1).tolist())
    if kind in {"int", "uint"}:
        value = array.astype(np.float64)
        digits = np.floor(np.log2(np.maximum(value, 1)) / 7) + 1
        return int(np.where(value < 0, _LONGEST_VARINT, digits).sum())
    return array.nbytes
