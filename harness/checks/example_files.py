"""Files of example requests that a user gives: ``.npz`` with arrays by input name, or ``.json`` with REST bodies.

The JSON forms are those that a server takes, so what was once sent with curl can be used as it is: one body, a list of
bodies, or a body in each line.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.checks.request import METHOD_OF_NAME, Request
from harness.errors import CheckError, SignatureError, TensorError
from harness.signatures import DEFAULT_SIGNATURE, pick_signature
from harness.tensors import as_array
from harness.tensors_json import from_json_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from harness.signatures import Signature, TensorSpec

__all__ = ["read_examples", "read_features"]


def read_examples(path: Path, signatures: Mapping[str, Signature]) -> list[Request]:
    """Return the requests of a file: at least one.

    Args:
        path: ``.npz``: one array for each input of the default signature, ``SIGNATURE/INPUT`` for those of others;
            object arrays are not read. ``.json`` or ``.jsonl``: bodies as ``:predict``, ``:classify`` and ``:regress``
            take them, with ``instances``, ``inputs`` or ``examples``.
        signatures: what the model offers, by name: they give the dtypes.

    Raises:
        CheckError: the file cannot be read, holds no request, or does not fit the signatures.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise CheckError(f"{path} is neither .npz nor .json; give arrays by input name, or bodies of REST requests")
    try:
        requests = read(path, signatures)
        for request in requests:
            _refuse_incomplete(request, signatures[request.signature_name])
    except OSError as exc:
        raise CheckError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except (ValueError, KeyError, EOFError, RecursionError, zipfile.BadZipFile, SignatureError, TensorError) as exc:
        raise CheckError(f"{path} cannot be used as examples: {exc}") from exc
    if not requests:
        raise CheckError(f"{path} holds no request; leave it out to have the checks find others")
    return requests


def _refuse_incomplete(request: Request, signature: Signature) -> None:
    if request.method != "predict":
        return
    missing = [spec for spec in signature.inputs if spec.name not in request.inputs and not spec.has_default]
    if missing:
        raise TensorError(
            f"a request to signature {signature.name!r} lacks {', '.join(spec.name for spec in missing)}; it needs:"
            f" {', '.join(str(spec) for spec in signature.inputs)}"
        )


def _from_arrays(path: Path, signatures: Mapping[str, Signature]) -> list[Request]:
    found: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for key in arrays:
            signature, name = _place(key, signatures)
            dtype = pick_signature(signatures, signature).input(name).dtype
            found.setdefault(signature, {})[name] = as_array(_plain(arrays[key], dtype), dtype, name=name)
    source = f"examples in {path.name}"
    return [Request(signature_name=name, inputs=inputs, source=source) for name, inputs in found.items()]


def _place(key: str, signatures: Mapping[str, Signature]) -> tuple[str, str]:
    """Return the signature and the input that a key of the file names; the names of both may hold a slash."""
    for name in sorted(signatures, key=len, reverse=True):
        if key.startswith(f"{name}/"):
            return name, key[len(name) + 1 :]
    return DEFAULT_SIGNATURE, key


def _plain(array: np.ndarray, dtype: str) -> Any:
    """Return text as lists, which take the signature's dtype: NumPy's own text arrays are padded."""
    return array.tolist() if dtype == "string" else array


def _from_document(path: Path, signatures: Mapping[str, Signature]) -> list[Request]:
    source = f"examples in {path.name}"
    return [_from_body(body, signatures, source) for body in _bodies(path.read_text(encoding="utf-8-sig"))]


_READERS: Mapping[str, Callable[[Path, Mapping[str, Signature]], list[Request]]] = {
    ".npz": _from_arrays,
    ".json": _from_document,
    ".jsonl": _from_document,
}


def _bodies(text: str) -> list[Any]:
    """Return the bodies of a document, or of one in each line.

    Raises:
        ValueError: it is neither.
    """
    try:
        document = json.loads(text)
    except ValueError as whole:
        return _lines(text, whole)
    return document if isinstance(document, list) else [document]


def _lines(text: str, whole: ValueError) -> list[Any]:
    bodies = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            bodies.append(json.loads(line))
        except ValueError as exc:
            if not bodies:  # not even one line is a body: it was meant as one document
                raise whole from None
            raise ValueError(f"line {number}: {exc}") from exc
    return bodies


def _from_body(body: Any, signatures: Mapping[str, Signature], source: str) -> Request:
    if not isinstance(body, dict):
        raise TensorError(f"a request is a JSON object, but this is {str(body)[:60]!r}")
    signature = pick_signature(signatures, body.get("signature_name") or DEFAULT_SIGNATURE)
    common: dict[str, Any] = {"signature_name": signature.name, "source": source}
    if "examples" in body:
        return Request(**common, **_examples(body, signature))
    for key, read in (("inputs", _columns), ("instances", _rows)):
        if key in body:
            return Request(**common, inputs=read(body[key], signature))
    raise TensorError(
        f"a request has 'inputs', 'instances' or 'examples', but this one has {', '.join(body) or 'none'}"
    )


def _examples(body: Mapping[str, Any], signature: Signature) -> dict[str, Any]:
    method = METHOD_OF_NAME.get(signature.method_name, "predict")
    if method == "predict":
        raise TensorError(f"signature {signature.name!r} is for Predict; give 'inputs' or 'instances'")
    return {
        "method": method,
        "examples": tuple(read_features(one) for one in _list(body["examples"], "examples")),
        "context": read_features(body["context"]) if "context" in body else None,
    }


def _columns(value: Any, signature: Signature) -> dict[str, np.ndarray]:
    if isinstance(value, dict) and set(value) != {"b64"}:
        return {name: _array(value[name], signature.input(name)) for name in value}
    return {_only_input(signature).name: _array(value, _only_input(signature))}


def _rows(value: Any, signature: Signature) -> dict[str, np.ndarray]:
    rows = _list(value, "instances")
    if rows and all(isinstance(row, dict) and set(row) != {"b64"} for row in rows):
        for index, row in enumerate(rows):
            if set(row) != set(rows[0]):
                raise TensorError(f"instance {index} has the inputs {sorted(row)}, but the first has {sorted(rows[0])}")
        return {name: _array([row[name] for row in rows], signature.input(name)) for name in rows[0]}
    return {_only_input(signature).name: _array(rows, _only_input(signature))}


def _list(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise TensorError(f"{key!r} is a list, but this is {str(value)[:60]!r}")
    return value


def _only_input(signature: Signature) -> TensorSpec:
    if len(signature.inputs) != 1:
        names = ", ".join(spec.name for spec in signature.inputs)
        raise TensorError(f"signature {signature.name!r} has the inputs {names}; give values by name")
    return signature.inputs[0]


def _array(value: Any, spec: TensorSpec) -> np.ndarray:
    return from_json_value(value, spec.dtype, name=spec.name)


def read_features(example: Any) -> dict[str, Any]:
    """Return the features by name of a tf.Example in its REST form; bytes are written as ``{"b64": ...}``.

    Raises:
        TensorError: another form.
    """
    if not isinstance(example, dict):
        raise TensorError(f"an example is an object of features by name, but this is {str(example)[:60]!r}")
    return {name: _feature(name, value) for name, value in example.items()}


def _feature(name: str, value: Any) -> Any:
    elements: Iterable[Any] = value if isinstance(value, list) else [value]
    decoded = [
        from_json_value(element, "string", name=name).item() if isinstance(element, dict) else element
        for element in elements
    ]
    return decoded if isinstance(value, list) else decoded[0]
