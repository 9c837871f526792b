"""Bodies of TensorFlow Serving's REST API: requests written, answers read. Pure.

Two layouts exist. The *column* layout (``inputs`` / ``outputs``) names each tensor once and keeps its shape as it is;
the *row* layout (``instances`` / ``predictions``) is a list of examples, so every tensor has a batch dimension. In
both, the name is left out when the signature has a single output (behaviour items 147-159).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.errors import TensorError
from harness.tensors_json import dumps, from_json_value, to_json_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.signatures import Signature

__all__ = ["Layout", "predict_body", "read_classes", "read_outputs", "read_values"]

Layout = Literal["column", "row"]


def predict_body(arrays: Mapping[str, np.ndarray], *, signature_name: str, layout: Layout) -> bytes:
    """Return the body of a predict request.

    Raises:
        TensorError: in row layout, tensors without a batch dimension or with different ones; complex values.
    """
    document: dict[str, Any] = {"signature_name": signature_name}
    if layout == "column":
        document["inputs"] = {name: to_json_value(array, name=name) for name, array in arrays.items()}
    else:
        document["instances"] = _rows(arrays)
    return dumps(document)


def _rows(arrays: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    sizes = {name: array.shape[0] if array.shape else None for name, array in arrays.items()}
    if None in sizes.values() or len(set(sizes.values())) > 1:
        raise TensorError(
            f"the row layout needs one batch size for all inputs, but the first dimensions are {sizes};"
            " use layout='column'"
        )
    count = next(iter(sizes.values()), 0) or 0
    return [
        {name: to_json_value(np.asarray(array[row]), name=name) for name, array in arrays.items()}
        for row in range(count)
    ]


def read_outputs(document: Any, signature: Signature, *, layout: Layout) -> dict[str, np.ndarray]:
    """Return the arrays of an answered document, by output name in sorted order.

    Raises:
        TensorError: the document is not what that signature answers.
    """
    key = "outputs" if layout == "column" else "predictions"
    if not isinstance(document, dict) or key not in document:
        raise TensorError(f"the answer has no {key!r}")
    value = document[key]
    names = [spec.name for spec in signature.outputs]
    if len(names) == 1:
        value = {names[0]: value}
    elif layout == "row":
        value = _columns(value, names)
    if not isinstance(value, dict) or set(value) != set(names):
        seen = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise TensorError(f"the answer holds {seen}, but the signature's outputs are {names}")
    return {spec.name: from_json_value(value[spec.name], spec.dtype, name=spec.name) for spec in signature.outputs}


def _columns(rows: Any, names: list[str]) -> dict[str, list[Any]]:
    if not isinstance(rows, list) or any(not isinstance(row, dict) or set(row) != set(names) for row in rows):
        raise TensorError(f"every row of the answer should be an object with the outputs {names}")
    return {name: [row[name] for row in rows] for name in names}


def read_classes(document: Any) -> list[list[tuple[str, float]]]:
    """Return (label, score) pairs for each example of a classify answer.

    Raises:
        TensorError: the document has another form.
    """
    try:
        return [[(str(label), float(score)) for label, score in row] for row in document["results"]]
    except (KeyError, TypeError, ValueError) as exc:
        raise TensorError(f"the answer is not a list of [label, score] pairs for each example ({exc!r})") from exc


def read_values(document: Any) -> np.ndarray:
    """Return float32 [N] of a regress answer.

    Raises:
        TensorError: the document has another form.
    """
    if not isinstance(document, dict) or "results" not in document:
        raise TensorError("the answer has no 'results'")
    return from_json_value(document["results"], "float32", name="results")
