"""Between TensorFlow Serving's messages and the harness's values; no channel in sight."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np

from harness.errors import TensorError
from harness.prediction import Class, Classification, Regression, VersionStatus
from harness.protos import get_model_status_pb2, inference_pb2
from harness.tensors import from_proto

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.clients.inputs import Target

__all__ = [
    "answered_by",
    "arrays",
    "classes",
    "code_name",
    "fill_spec",
    "inference_request",
    "inference_results",
    "values",
    "version_status",
]

_CODES = {code.value[0]: code.name for code in grpc.StatusCode}
_STATES = {value: name for name, value in get_model_status_pb2.ModelVersionStatus.State.items()}


def fill_spec(spec: Any, target: Target) -> None:
    """Write a target into a ModelSpec."""
    spec.name = target.model
    if target.signature_name:
        spec.signature_name = target.signature_name
    if target.version is not None:
        spec.version.value = target.version
    elif target.label is not None:
        spec.version_label = target.label


def arrays(outputs: Any) -> dict[str, np.ndarray]:
    """Return the outputs of a PredictResponse as arrays by name."""
    return {name: from_proto(proto, name=name) for name, proto in sorted(outputs.items())}


def answered_by(spec: Any, target: Target) -> dict[str, Any]:
    """Return what every answer carries, from the ModelSpec that the server echoed."""
    return {"model": target.model, "model_version": spec.version.value, "signature_name": spec.signature_name}


def classes(result: Any) -> tuple[tuple[Class, ...], ...]:
    """Return the classes of a ClassificationResult, example by example."""
    return tuple(
        tuple(Class(label=item.label, score=item.score) for item in row.classes) for row in result.classifications
    )


def values(result: Any) -> np.ndarray:
    """Return float32 [N], the values of a RegressionResult."""
    return np.array([item.value for item in result.regressions], dtype=np.float32)


def inference_request(examples: Any, target: Target, *, classify: Iterable[str], regress: Iterable[str]) -> Any:
    """Return the MultiInferenceRequest that runs signatures on the examples of an ``Input``."""
    request = inference_pb2.MultiInferenceRequest(input=examples)
    for method, names in (("classify", classify), ("regress", regress)):
        for name in names:
            task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
            fill_spec(task.model_spec, replace(target, signature_name=name))
    return request


def inference_results(results: Any, target: Target) -> tuple[Classification | Regression, ...]:
    """Return the answers of a MultiInferenceResponse.

    Raises:
        TensorError: one holds neither classes nor values.
    """
    return tuple(_inference_result(result, target) for result in results)


def _inference_result(result: Any, target: Target) -> Classification | Regression:
    answered = answered_by(result.model_spec, target)
    kind = result.WhichOneof("result")
    if kind == "classification_result":
        return Classification(classes=classes(result.classification_result), **answered)
    if kind == "regression_result":
        return Regression(values=values(result.regression_result), **answered)
    raise TensorError(f"the result for signature {result.model_spec.signature_name!r} is empty")


def version_status(status: Any) -> VersionStatus:
    """Return the state of one version from a GetModelStatusResponse."""
    return VersionStatus(
        version=status.version,
        state=_STATES.get(status.state, f"STATE_{status.state}"),
        error_code=code_name(status.status.error_code),
        error_message=status.status.error_message,
    )


def code_name(number: int) -> str:
    """Return the canonical name of a status code, e.g. ``NOT_FOUND`` for 5."""
    return _CODES.get(number, f"CODE_{number}")
