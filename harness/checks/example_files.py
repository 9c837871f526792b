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
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.signatures import Signature, TensorSpec

__all__ = ["read_examples", "read_features"]


def read_examples(path: Path, signatures: Mapping[str, Signature]) -> list[Request]:
    """Return the requests of a file.

    Args:
        path: ``.npz``: one array for each input of the default signature, ``SIGNATURE/INPUT`` for those of others;
            object arrays are not read. ``.json`` or ``.jsonl``: bodies as ``:predict``, ``:classify`` and ``:regress``
            take them, with ``instances``, ``inputs`` or ``examples``.
        signatures: what the model offers, by name: they give the dtypes.

    Raises:
        CheckError: the file cannot be read, or does not fit the signatures.
    """
    source = f"examples in {path.name}"
    try:
        if path.suffix == ".npz":
            return _from_arrays(path, signatures, source)
        if path.suffix in {".json", ".jsonl"}:
            return [_from_body(body, signatures, source) for body in _bodies(path.read_text(encoding="utf-8"))]
    except OSError as exc:
        raise CheckError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, SignatureError, TensorError) as exc:
        raise CheckError(f"{path} cannot be used as examples: {exc}") from exc
    raise CheckError(f"{path} is neither .npz nor .json; give arrays by input name, or bodies of REST requests")


def _from_arrays(path: Path, signatures: Mapping[str, Signature], source: str) -> list[Request]:
    found: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for key in arrays:
            signature, name = _place(key, signatures)
            dtype = pick_signature(signatures, signature).input(name).dtype
            found.setdefault(signature, {})[name] = as_array(_plain(arrays[key], dtype), dtype, name=name)
    return [Request(signature_name=name, inputs=inputs, source=source) for name, inputs in found.items()]


def _place(key: str, signatures: Mapping[str, Signature]) -> tuple[str, str]:
    """Return the signature and the input that a key of the file names."""
    signature, slash, name = key.partition("/")
    return (signature, name) if slash and signature in signatures else (DEFAULT_SIGNATURE, key)


def _plain(array: np.ndarray, dtype: str) -> Any:
    """Return text as lists, which take the signature's dtype: NumPy's own text arrays are padded."""
    return array.tolist() if dtype == "string" else array


def _bodies(text: str) -> list[Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return document if isinstance(document, list) else [document]


def _from_body(body: Any, signatures: Mapping[str, Signature], source: str) -> Request:
    if not isinstance(body, dict):
        raise TensorError(f"a request is a JSON object, but this is {str(body)[:60]!r}")
    signature = pick_signature(signatures, body.get("signature_name", DEFAULT_SIGNATURE))
    if "examples" in body:
        method = METHOD_OF_NAME.get(signature.method_name, "predict")
        if method == "predict":
            raise TensorError(f"signature {signature.name!r} is for Predict; give 'inputs' or 'instances'")
        examples = tuple(read_features(one) for one in body["examples"])
        context = read_features(body["context"]) if "context" in body else None
        return Request(signature_name=signature.name, method=method, examples=examples, context=context, source=source)
    for key, read in (("inputs", _columns), ("instances", _rows)):
        if key in body:
            return Request(signature_name=signature.name, inputs=read(body[key], signature), source=source)
    raise TensorError(
        f"a request has 'inputs', 'instances' or 'examples', but this one has {', '.join(body) or 'none'}"
    )


def _columns(value: Any, signature: Signature) -> dict[str, np.ndarray]:
    if isinstance(value, dict) and "b64" not in value:
        return {name: _array(value[name], signature.input(name)) for name in value}
    return {_only_input(signature).name: _array(value, _only_input(signature))}


def _rows(rows: Any, signature: Signature) -> dict[str, np.ndarray]:
    if rows and all(isinstance(row, dict) and set(row) != {"b64"} for row in rows):
        return {name: _array([row[name] for row in rows], signature.input(name)) for name in rows[0]}
    return {_only_input(signature).name: _array(rows, _only_input(signature))}


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
