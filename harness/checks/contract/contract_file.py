"""Contract file: the signatures that a model's makers and its callers agreed on, as JSON that people review.

One line for each input and output, everything sorted by name, so that a change of signature is a small diff::

    {
      "format": 1,
      "signatures": {
        "serving_default": {
          "method_name": "tensorflow/serving/predict",
          "inputs": {
            "image": {"dtype": "float32", "shape": [null, 8, 8, 1]}
          },
          "outputs": {
            "scores": {"dtype": "float32", "shape": [null, 10]}
          }
        }
      }
    }

A size that is left open is ``null``, and so is a whole shape of unknown rank. An input that requests may leave out has
``"has_default": true``. Reading is strict: a misspelt key would be an agreement that nobody looks at.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.dtypes import dtype_of_name
from harness.errors import CheckError, ReportError, TensorError
from harness.results import write_whole
from harness.signatures import Signature, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["HOW_TO_UPDATE", "contract_text", "parse_contract", "read_contract", "write_contract"]

HOW_TO_UPDATE = "pytest's --update-contracts or tfserving-harness check --update-contract"

_FORMAT = 1
_INDENT = "  "


def read_contract(path: Path) -> dict[str, Signature]:
    """Return the signatures of a contract file, sorted by name.

    Raises:
        CheckError: the file cannot be read, is no contract, or has another format.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise CheckError(f"the contract {path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise _damaged(path, "it is not UTF-8 text") from exc
    return parse_contract(text, source=path)


def write_contract(signatures: Mapping[str, Signature], path: Path) -> Path:
    """Write a contract file, whole or not at all, and return its path; missing folders are made.

    Raises:
        CheckError: it cannot be written there.
    """
    try:
        return write_whole(contract_text(signatures).encode(), path)
    except ReportError as exc:
        raise CheckError(f"the contract was not written: {exc}") from exc


def contract_text(signatures: Mapping[str, Signature]) -> str:
    """Return the text of a contract file; signatures of TensorFlow's loader are left out."""
    known = {name: signatures[name] for name in sorted(signatures) if not signatures[name].is_internal}
    document = {"format": _FORMAT, "signatures": {name: _signature_form(one) for name, one in known.items()}}
    return _pretty(document, "") + "\n"


def _signature_form(signature: Signature) -> dict[str, Any]:
    return {
        "method_name": signature.method_name,
        "inputs": _tensor_forms(signature.inputs),
        "outputs": _tensor_forms(signature.outputs),
    }


def _tensor_forms(specs: Iterable[TensorSpec]) -> dict[str, Any]:
    return {spec.name: _tensor_form(spec) for spec in sorted(specs, key=lambda spec: spec.name)}


def _tensor_form(spec: TensorSpec) -> dict[str, Any]:
    form = {"dtype": spec.dtype, "shape": None if spec.shape is None else list(spec.shape)}
    return {**form, "has_default": True} if spec.has_default else form


def _pretty(value: Any, margin: str) -> str:
    """Return JSON in which only objects that hold objects are spread over lines."""
    if not (isinstance(value, dict) and any(isinstance(item, dict) for item in value.values())):
        return json.dumps(value, ensure_ascii=False)
    inner = margin + _INDENT
    items = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_pretty(item, inner)}" for key, item in value.items()]
    return "{\n" + ",\n".join(items) + f"\n{margin}}}"


def parse_contract(text: str, *, source: object) -> dict[str, Signature]:
    """Return the signatures of a contract file's text, sorted by name.

    Args:
        text: what the file holds.
        source: what messages call it.

    Raises:
        CheckError: the text is no contract, or has another format.
    """
    try:
        document = json.loads(text, object_pairs_hook=_without_repetition)
        if isinstance(document, dict) and document.get("format", _FORMAT) != _FORMAT:
            raise CheckError(
                f"the contract {source} has format {document['format']!r}; this harness reads format {_FORMAT}: use the"
                " version of tfserving-harness that wrote it, or a newer one"
            )
        parts = _parts(document, "the document", required={"format", "signatures"})
        forms = _object(parts["signatures"], "signatures")
        return {name: _read_signature(name, forms[name]) for name in sorted(forms)}
    except json.JSONDecodeError as exc:
        raise _damaged(source, f"it is not JSON: {exc}") from exc
    except (ValueError, RecursionError, TensorError) as exc:
        raise _damaged(source, str(exc)) from exc


def _damaged(source: object, what: str) -> CheckError:
    return CheckError(
        f"{source} is not a contract: {what}; restore the file, or remove it and write it anew with {HOW_TO_UPDATE}"
    )


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse names that are written twice, as a merge can leave them: JSON readers silently take the last."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is written twice in one object")
    return dict(pairs)


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} should be an object, not {json.dumps(value)[:40]}")  # noqa: TRY004 - of one kind with all faults of a file
    return value


def _parts(value: Any, where: str, *, required: set[str], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return an object that has exactly the keys it may have."""
    parts = _object(value, where)
    missing, surplus = sorted(required - parts.keys()), sorted(parts.keys() - required - optional)
    if missing or surplus:
        what = f"lacks {missing[0]!r}" if missing else f"holds {surplus[0]!r}, which means nothing there"
        raise ValueError(f"{where} {what}")
    return parts


def _read_signature(name: str, form: Any) -> Signature:
    parts = _parts(form, name, required={"method_name", "inputs", "outputs"})
    if not isinstance(parts["method_name"], str):
        raise ValueError(f"{name}: method_name should be a text")  # noqa: TRY004 - as above
    inputs, outputs = _object(parts["inputs"], f"{name}: inputs"), _object(parts["outputs"], f"{name}: outputs")
    may_have = frozenset({"has_default"})
    return Signature(
        name=name,
        method_name=parts["method_name"],
        inputs=tuple(_read_tensor(key, inputs[key], f"{name} input {key}", may_have) for key in sorted(inputs)),
        outputs=tuple(_read_tensor(key, outputs[key], f"{name} output {key}") for key in sorted(outputs)),
    )


def _read_tensor(name: str, form: Any, where: str, optional: frozenset[str] = frozenset()) -> TensorSpec:
    parts = _parts(form, where, required={"dtype", "shape"}, optional=optional)
    if type(parts.get("has_default", True)) is not bool:
        raise ValueError(f"{where}: has_default should be true or false")
    shape, dtype = parts["shape"], parts["dtype"]
    if shape is not None and not (isinstance(shape, list) and all(map(_is_size, shape))):
        raise ValueError(f"{where}: {json.dumps(shape)[:40]} is no shape; sizes are whole numbers, or null")
    if not isinstance(dtype, str):
        raise ValueError(f"{where}: dtype should be a text")  # noqa: TRY004 - as above
    return TensorSpec(
        name=name,
        dtype=dtype_of_name(dtype).name,
        shape=None if shape is None else tuple(shape),
        has_default=parts.get("has_default", False),
    )


def _is_size(size: Any) -> bool:
    return size is None or (type(size) is int and size >= 0)
