"""Warm-up records as requests: what a model's makers ask it before it serves is a good question for a check, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.checks.request import METHOD_OF_NAME, Request
from harness.errors import TensorError
from harness.signatures import DEFAULT_SIGNATURE
from harness.tensors import from_proto

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.checks.request import Method

__all__ = ["requests_of_logs"]

_METHODS: Mapping[str, Method] = {
    "predict_log": "predict",
    "classify_log": "classify",
    "regress_log": "regress",
}


def requests_of_logs(logs: Iterable[Any], *, source: str) -> tuple[list[Request], list[str]]:
    """Return the requests of PredictionLog messages; of a multi-inference log, one for each of its tasks.

    Args:
        logs: as ``read_warmup`` returns them.
        source: where they come from, for people.

    Returns:
        The requests, and for each record that holds none that a client can send, why.
    """
    requests: list[Request] = []
    faults: list[str] = []
    for log in logs:
        try:
            requests += _of_log(log, source)
        except TensorError as exc:
            faults.append(str(exc))
    return requests, faults


def _of_log(log: Any, source: str) -> list[Request]:
    kind = log.WhichOneof("log_type")
    if kind == "multi_inference_log":
        message = log.multi_inference_log.request
        return [
            _of_examples(message.input, task.model_spec.signature_name, METHOD_OF_NAME[task.method_name], source)
            for task in message.tasks
            if task.method_name in METHOD_OF_NAME
        ]
    if kind not in _METHODS:
        raise TensorError(f"a record of kind {kind} holds no request that a client can send")
    message = getattr(log, kind).request
    name = message.model_spec.signature_name
    if kind == "predict_log":
        inputs = {key: from_proto(tensor, name=key) for key, tensor in message.inputs.items()}
        return [Request(signature_name=name or DEFAULT_SIGNATURE, inputs=inputs, source=source)]
    return [_of_examples(message.input, name, _METHODS[kind], source)]


def _of_examples(message: Any, name: str, method: Method, source: str) -> Request:
    kind = message.WhichOneof("kind")
    holder = getattr(message, kind or "example_list")
    return Request(
        signature_name=name or DEFAULT_SIGNATURE,
        method=method,
        examples=tuple(_features(example) for example in holder.examples),
        context=_features(holder.context) if kind == "example_list_with_context" else None,
        source=source,
    )


def _features(example: Any) -> dict[str, Any]:
    features = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        features[name] = list(getattr(feature, kind).value) if kind else []
    return features
