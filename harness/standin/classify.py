"""Classify: examples in, labels and scores out (behaviour items 63 to 70)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.protos import classification_pb2
from harness.standin.examples import (
    debug_text,
    dtype_name,
    find_signature,
    serialized_examples,
    shape_text,
)
from harness.standin.predict import fill_model_spec, milliseconds
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.standin.predict import Runtime
    from harness.standin.servable import Servable

__all__ = ["METHOD", "classify_tensors", "fill_classifications", "run_classify"]

METHOD = "tensorflow/serving/classify"
_CLASSES, _SCORES = "classes", "scores"


def run_classify(core: Runtime, servable: Servable, request: Any, deadline_s: float | None) -> Any:
    """Answer a ClassificationRequest with a servable that was found and pinned already.

    Args:
        core: for the server's options and metrics.
        servable: the version to run.
        request: a ClassificationRequest.
        deadline_s: seconds the run may take, None for no limit.

    Raises:
        StatusError: the signature does not suit, the input is empty, or the run failed.
    """
    name, signature = find_signature(servable, request.model_spec.signature_name)
    input_name, output_names = classify_tensors(signature, check_method=core.options.check_method_names)
    examples = serialized_examples(request.input)
    begin = time.perf_counter()
    tensors = servable.run({input_name: examples}, output_names, timeout_ms=milliseconds(deadline_s))
    core.metrics.observe_run(request.model_spec.name, "Classify", time.perf_counter() - begin)
    response = classification_pb2.ClassificationResponse()
    fill_classifications(response.result, signature, len(examples), dict(zip(output_names, tensors, strict=True)))
    fill_model_spec(response.model_spec, servable, name)
    return response


def classify_tensors(signature: Any, *, check_method: bool) -> tuple[str, list[str]]:
    """Return the tensor to feed and those to fetch.

    Raises:
        StatusError: INVALID_ARGUMENT, the signature is not one for classification.
    """
    if check_method and signature.method_name != METHOD:
        text = f"Expected classification signature method_name to be {METHOD}. Was: {signature.method_name}"
        raise StatusError("INVALID_ARGUMENT", text)
    if len(signature.inputs) != 1:
        raise StatusError("INVALID_ARGUMENT", "Expected one input Tensor.")
    if len(signature.outputs) not in {1, 2}:
        raise StatusError("INVALID_ARGUMENT", f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if "inputs" not in signature.inputs:
        text = f"No classification inputs found in SignatureDef: {debug_text(signature)}"
        raise StatusError("INVALID_ARGUMENT", text)
    outputs = [signature.outputs[key].name for key in (_CLASSES, _SCORES) if key in signature.outputs]
    if not outputs:
        text = (
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {debug_text(signature)}"
        )
        raise StatusError("INVALID_ARGUMENT", text)
    return signature.inputs["inputs"].name, outputs


def fill_classifications(
    result: Any, signature: Any, num_examples: int, tensors: Mapping[str, np.ndarray[Any, Any]]
) -> None:
    """Turn the fetched tensors, by name, into one Classifications per example.

    Raises:
        StatusError: INVALID_ARGUMENT, a tensor has the wrong shape or dtype.
    """
    classes = _checked(signature, _CLASSES, tensors, num_examples, np.dtype(object))
    scores = _checked(signature, _SCORES, tensors, num_examples, np.dtype(np.float32))
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        text = f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. {scores.shape[1]}"
        raise StatusError("INVALID_ARGUMENT", text)
    width = next(tensor.shape[1] for tensor in (classes, scores) if tensor is not None)
    for row in range(num_examples):
        entry = result.classifications.add()
        for column in range(width):
            entry.classes.add(
                label="" if classes is None else classes[row, column].decode("utf-8", "replace"),
                score=0.0 if scores is None else float(scores[row, column]),
            )


def _checked(
    signature: Any,
    key: str,
    tensors: Mapping[str, np.ndarray[Any, Any]],
    num_examples: int,
    dtype: np.dtype[Any],
) -> np.ndarray[Any, Any] | None:
    """The tensor behind an output of the signature, None if it has no such output."""
    if key not in signature.outputs:
        return None
    tensor = tensors[signature.outputs[key].name]
    if tensor.ndim != 2:
        text = f"Expected Tensor shape: [batch_size num_classes] but got {shape_text(tensor)}"
    elif tensor.dtype != dtype:
        wanted = "DT_STRING" if key == _CLASSES else "DT_FLOAT"
        text = f"Expected {key} Tensor of {wanted}. Got: {dtype_name(tensor)}"
    elif len(tensor) != num_examples:
        text = f"Expected {key} output batch size of {num_examples}. Got: {len(tensor)}"
    else:
        return tensor
    raise StatusError("INVALID_ARGUMENT", text)
