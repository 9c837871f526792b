"""Bodies of TensorFlow Serving's REST API: requests written, answers read. Pure.

Two layouts exist. The *column* layout (``inputs`` / ``outputs``) names each tensor once and keeps its shape as it is;
the *row* layout (``instances`` / ``predictions``) is a list of examples, so every tensor has a batch dimension. In
both, the name is left out when the signature has a single output (behaviour items 147-159).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.clients.examples import json_examples, json_features
from harness.clients.rest_numbers import read_numbers
from harness.errors import TensorError, UsageError
from harness.prediction import Class, VersionStatus
from harness.tensors_json import dumps, from_json_value, loads, to_json_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.signatures import Signature, TensorSpec

__all__ = [
    "Layout",
    "examples_body",
    "predict_body",
    "read_classes",
    "read_outputs",
    "read_statuses",
    "read_values",
]

Layout = Literal["column", "row"]

# Below this size the general reader is as fast.
_LONG_BYTES = 4096


def predict_body(arrays: Mapping[str, np.ndarray], *, signature_name: str, layout: Layout) -> bytes:
    """Return the body of a predict request.

    Raises:
        TensorError: in row layout, tensors without a batch dimension or with different ones; complex values.
        UsageError: there is no such layout.
    """
    document: dict[str, Any] = {"signature_name": signature_name}
    if layout == "column":
        document["inputs"] = {name: to_json_value(array, name=name) for name, array in arrays.items()}
    elif layout == "row":
        document["instances"] = _rows(arrays)
    else:
        raise UsageError(f"{layout!r} is no layout of REST requests; give 'column' or 'row'")
    return dumps(document)


def _rows(arrays: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    sizes = {name: array.shape[0] if array.shape else None for name, array in arrays.items()}
    if None in sizes.values() or len(set(sizes.values())) > 1:
        raise TensorError(
            f"the row layout needs one batch size for all inputs, but the first dimensions are {sizes};"
            " use layout='column'"
        )
    count = next(iter(sizes.values()), 0) or 0
    columns = {name: _examples(array, name) for name, array in arrays.items()}
    return [{name: column[row] for name, column in columns.items()} for row in range(count)]


def _examples(array: np.ndarray, name: str) -> Any:
    """Return the JSON values of each example: scalars as Python numbers, which take no array each."""
    return to_json_value(array, name=name) if array.ndim > 1 else _list(to_json_value(array, name=name))


def _list(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def examples_body(
    examples: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None, *, signature_name: str
) -> bytes:
    """Return the body of a classify or regress request.

    Raises:
        TensorError: a feature that a tf.Example cannot hold.
        UsageError: an example that is not given as features by name.
    """
    document: dict[str, Any] = {"signature_name": signature_name, "examples": json_examples(examples)}
    if context is not None:
        document["context"] = json_features(context)
    return dumps(document)


def read_outputs(body: bytes, signature: Signature, *, layout: Layout) -> dict[str, np.ndarray]:
    """Return the arrays of a predict answer, by output name in sorted order.

    Raises:
        TensorError: the document is not what that signature answers.
        ValueError: the body is not JSON.
    """
    key = "outputs" if layout == "column" else "predictions"
    if len(body) >= _LONG_BYTES and (layout == "column" or len(signature.outputs) == 1):
        arrays = read_numbers(body, key, signature.outputs)
        if arrays is not None:
            return arrays
    return _outputs(loads(body), key, signature)


def _outputs(document: Any, key: str, signature: Signature) -> dict[str, np.ndarray]:
    if not isinstance(document, dict) or key not in document:
        raise TensorError(f"the answer has no {key!r}")
    value = document[key]
    names = [spec.name for spec in signature.outputs]
    if len(names) == 1:
        value = {names[0]: value}
    elif key == "predictions":
        value = _columns(value, names)
    if not isinstance(value, dict) or set(value) != set(names):
        seen = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise TensorError(f"the answer holds {seen}, but the signature's outputs are {names}")
    return {
        spec.name: _completed(from_json_value(value[spec.name], spec.dtype, name=spec.name), spec)
        for spec in signature.outputs
    }


def _completed(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """An empty list does not show the dimensions inside it: ``[]`` may be [0] or [0, 4]. The signature tells."""
    if array.size or spec.shape is None:
        return array
    inner = [size for size in spec.shape[array.ndim :] if size is not None]
    return array if len(inner) != len(spec.shape[array.ndim :]) else array.reshape(*array.shape, *inner)


def _columns(rows: Any, names: list[str]) -> dict[str, list[Any]]:
    if not isinstance(rows, list) or any(not isinstance(row, dict) or set(row) != set(names) for row in rows):
        raise TensorError(f"every row of the answer should be an object with the outputs {names}")
    return {name: [row[name] for row in rows] for name in names}


def read_classes(document: Any) -> tuple[tuple[Class, ...], ...]:
    """Return the classes of each example of a classify answer.

    Raises:
        TensorError: the document has another form.
    """
    try:
        return tuple(tuple(_class(label, score) for label, score in row) for row in document["results"])
    except (KeyError, TypeError, ValueError) as exc:
        raise TensorError(f"the answer is not a list of [label, score] pairs for each example ({exc!r})") from exc


def _class(label: Any, score: Any) -> Class:
    if not isinstance(label, str) or type(score) not in {int, float}:
        raise TypeError(f"[{label!r}, {score!r}]")
    return Class(label=label, score=float(score))


def read_values(document: Any) -> np.ndarray:
    """Return float32 [N] of a regress answer.

    Raises:
        TensorError: the document has another form.
    """
    if not isinstance(document, dict) or not isinstance(document.get("results"), list):
        raise TensorError("the answer has no list of 'results'")
    values = from_json_value(document["results"], "float32", name="results")
    if values.ndim != 1:
        raise TensorError(f"'results' has the shape {list(values.shape)}; one number for each example is expected")
    return values


def read_statuses(document: Any) -> tuple[VersionStatus, ...]:
    """Return the version states of a status answer, in its order (highest first).

    Raises:
        TensorError: the document has another form.
    """
    try:
        return tuple(
            VersionStatus(
                version=int(item["version"]),
                state=item["state"],
                error_code=item["status"]["error_code"],
                error_message=item["status"]["error_message"],
            )
            for item in document["model_version_status"]
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise TensorError(f"the answer is not a model status ({exc!r})") from exc
