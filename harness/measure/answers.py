"""Answers as they come over the wire, as arrays by output name: what a client's reading would make of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from harness.checks.request import answer_arrays
from harness.clients.grpc_messages import answered_by, arrays, classes, values
from harness.clients.inputs import Target
from harness.clients.rest_codec import read_classes, read_outputs, read_values
from harness.errors import TensorError
from harness.prediction import Classification, Prediction, Regression
from harness.protos import classification_pb2, predict_pb2, regression_pb2
from harness.tensors_json import loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.checks.request import Method
    from harness.results.measured import Api
    from harness.signatures import Signature

__all__ = ["decode_answer", "read_answer"]

_MESSAGES: Mapping[Method, Any] = {
    "predict": predict_pb2.PredictResponse,
    "classify": classification_pb2.ClassificationResponse,
    "regress": regression_pb2.RegressionResponse,
}


def decode_answer(body: bytes, *, api: Api, method: Method, signature: Signature) -> dict[str, np.ndarray]:
    """Return an answer's values as arrays by output name, see ``harness.checks.request.answer_arrays``.

    Args:
        body: over gRPC the serialised message, over REST the body, in column layout.
        api: over which it came.
        method: of the request.
        signature: of the request: JSON carries neither dtypes nor a single output's name.

    Raises:
        TensorError: it is no such answer.
    """
    return answer_arrays(read_answer(body, api=api, method=method, signature=signature))


def read_answer(
    body: bytes, *, api: Api, method: Method, signature: Signature, model: str = ""
) -> Prediction | Classification | Regression:
    """Return an answer as a client would, over gRPC with the version that answered.

    Args:
        body: over gRPC the serialised message, over REST the body, in column layout.
        api: over which it came.
        method: of the request.
        signature: of the request: JSON carries neither dtypes nor a single output's name.
        model: the servable's name.

    Raises:
        TensorError: it is no such answer.
    """
    read = _from_message if api == "grpc" else _from_json
    try:
        return read(body, method, signature, model)
    except (DecodeError, ValueError) as exc:
        raise TensorError(f"the answer cannot be read: {exc}") from exc


def _from_message(
    body: bytes, method: Method, signature: Signature, model: str
) -> Prediction | Classification | Regression:
    response: Any = _MESSAGES[method].FromString(body)
    by = answered_by(response.model_spec, Target(model=model, version=None, label=None))
    by["signature_name"] = signature.name
    if method == "predict":
        return Prediction(outputs=arrays(response.outputs), **by)
    if method == "classify":
        return Classification(classes=classes(response.result), **by)
    return Regression(values=values(response.result), **by)


def _from_json(
    body: bytes, method: Method, signature: Signature, model: str
) -> Prediction | Classification | Regression:
    by: dict[str, Any] = {"model": model, "model_version": None, "signature_name": signature.name}
    if method == "predict":
        return Prediction(outputs=read_outputs(body, signature, layout="column"), **by)
    if method == "classify":
        return Classification(classes=read_classes(loads(body)), **by)
    return Regression(values=read_values(loads(body)), **by)
