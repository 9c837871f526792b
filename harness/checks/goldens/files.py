"""Files of goldens: ``DIR/CASE.json`` with the request, the outputs, the tolerances and where the answer came from.

Tensors are dtype, shape and flat values, tf.Examples have their REST form. Text keeps differences readable where files
are reviewed; floats are written so that they come back exactly.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.checks.example_files import read_features
from harness.checks.goldens.golden import Golden
from harness.checks.request import METHOD_OF_NAME, Request
from harness.checks.tolerance import Tolerance
from harness.clients.examples import json_features
from harness.dtypes import dtype_of_array, dtype_of_name
from harness.errors import CheckError, TensorError
from harness.tensors_json import from_json_value, to_json_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

__all__ = ["read_goldens", "request_form", "tensors_form", "write_golden"]

_FORMAT = 2
_PART_OF_COMPLEX = {"complex64": "float32", "complex128": "float64"}


def read_goldens(directory: Path) -> list[Golden]:
    """Return the cases of a directory, sorted by name; none if it does not exist.

    Raises:
        CheckError: a file is not a golden, or holds NaN.
    """
    if not directory.is_dir():
        return []
    return [_read(path) for path in sorted(directory.glob("*.json"))]


def _read(path: Path) -> Golden:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise CheckError(f"{path} has format {document['format']!r}; this harness reads format {_FORMAT}")
        return Golden(
            name=path.stem,
            request=_read_request(document, source=f"golden {path.stem}"),
            outputs=_read_tensors(document["outputs"]),
            tolerances=_read_tolerances(document["tolerance"], path),
            provenance=dict(document["provenance"]),
        )
    except OSError as exc:
        raise CheckError(f"{path} cannot be read: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, TensorError) as exc:
        raise CheckError(f"{path} is not a golden ({exc!r}); record it anew with --update-goldens") from exc


def _read_tolerances(document: Mapping[str, Any], path: Path) -> dict[str, Tolerance]:
    try:
        return {name: Tolerance(**numbers) for name, numbers in document.items()}
    except CheckError as exc:
        raise CheckError(f"{path}: {exc}") from exc


def _read_request(document: Mapping[str, Any], *, source: str) -> Request:
    name, method = str(document["signature_name"]), document["method"]
    if method not in METHOD_OF_NAME.values():
        raise TensorError(f"{method!r} is no method of an API")
    if method == "predict":
        return Request(signature_name=name, inputs=_read_tensors(document["inputs"]), source=source)
    return Request(
        signature_name=name,
        method=method,
        examples=tuple(read_features(one) for one in document["examples"]),
        context=read_features(document["context"]) if "context" in document else None,
        source=source,
    )


def _read_tensors(document: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: _read_tensor(name, form) for name, form in document.items()}


def _read_tensor(name: str, form: Mapping[str, Any]) -> np.ndarray:
    dtype = dtype_of_name(form["dtype"])
    shape = tuple(form["shape"])
    if any(type(size) is not int or size < 0 for size in shape):
        raise TensorError(f"{name}: {list(shape)} is no shape")
    if dtype.kind != "complex":
        return from_json_value(form["values"], dtype, name=name).reshape(shape)
    parts = from_json_value(form["values"], _PART_OF_COMPLEX[dtype.name], name=name)
    return parts.view(dtype.numpy).reshape(shape)


def request_form(request: Request) -> dict[str, Any]:
    """Return what a file holds of a request: the same for equal requests, whatever they are called.

    Raises:
        TensorError: a value that no tensor or tf.Example can hold.
    """
    form: dict[str, Any] = {"signature_name": request.signature_name, "method": request.method}
    if request.method == "predict":
        return {**form, "inputs": tensors_form(request.inputs)}
    context = {} if request.context is None else {"context": json_features(request.context)}
    return {**form, "examples": [json_features(one) for one in request.examples], **context}


def tensors_form(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return what a file holds of tensors.

    Raises:
        TensorError: an array that no tensor can hold.
    """
    return {name: _tensor_form(name, arrays[name]) for name in sorted(arrays)}


def _tensor_form(name: str, array: np.ndarray) -> dict[str, Any]:
    dtype = dtype_of_array(array)
    flat = array.reshape(-1)
    if dtype.kind == "complex":  # JSON has no complex numbers: real and imaginary parts in turn
        flat = flat.view(dtype_of_name(_PART_OF_COMPLEX[dtype.name]).numpy)
    values = to_json_value(flat, name=name)
    return {
        "dtype": dtype.name,
        "shape": list(array.shape),
        "values": values if isinstance(values, list) else values.tolist(),
    }


def write_golden(golden: Golden, directory: Path) -> Path:
    """Write a case to ``<directory>/<name>.json`` and return that path; the directory is made if need be.

    Raises:
        CheckError: the file cannot be written.
        TensorError: an array that no tensor can hold.
    """
    path = directory / f"{golden.name}.json"
    document = {
        "format": _FORMAT,
        **request_form(golden.request),
        "outputs": tensors_form(golden.outputs),
        "tolerance": {name: asdict(golden.tolerances[name]) for name in sorted(golden.tolerances)},
        "provenance": dict(sorted(golden.provenance.items())),
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as exc:
        raise CheckError(f"{path} cannot be written: {exc.strerror}") from exc
    return path
