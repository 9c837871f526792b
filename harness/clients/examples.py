"""Features by name -> tf.Example messages and their REST form, for Classify, Regress and MultiInference."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import TensorError
from harness.protos import example_pb2, input_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["input_proto", "json_examples", "json_features", "serialized_example"]


def _feature_values(name: str, value: Any) -> tuple[str, list[Any]]:
    """Return the feature's kind (``float_list``, ``int64_list``, ``bytes_list``) and its values as a flat list."""
    if isinstance(value, str | bytes):
        value = [value]
    elif isinstance(value, np.ndarray | np.generic):
        value = value.reshape(-1).tolist()
    elif not isinstance(value, list | tuple):
        value = [value]
    values = [element.encode() if isinstance(element, str) else element for element in value]
    kinds = {_kind(name, element) for element in values}
    if len(kinds) > 1:
        raise TensorError(f"feature {name!r} mixes {' and '.join(sorted(kinds))}; a feature holds values of one kind")
    return (kinds.pop() if kinds else "float_list"), values


def _kind(name: str, element: Any) -> str:
    if isinstance(element, bytes):
        return "bytes_list"
    if isinstance(element, float):
        return "float_list"
    if isinstance(element, int):  # bool too: the server stores it as 0 or 1 (behaviour item 169)
        return "int64_list"
    raise TensorError(
        f"feature {name!r} holds {type(element).__name__}; a feature holds floats, ints, bools, str or bytes"
    )


def _fill_example(example: Any, features: Mapping[str, Any]) -> None:
    for name, value in features.items():
        kind, values = _feature_values(name, value)
        getattr(example.features.feature[name], kind).value.extend(values)


def input_proto(examples: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None = None) -> Any:
    """Return the ``Input`` message that holds these examples, and their common context if there is one.

    Raises:
        TensorError: a feature that a tf.Example cannot hold.
    """
    message = input_pb2.Input()
    if context is None:
        holder = message.example_list
    else:
        holder = message.example_list_with_context
        _fill_example(holder.context, context)
    holder.SetInParent()
    for features in examples:
        _fill_example(holder.examples.add(), features)
    return message


def serialized_example(features: Mapping[str, Any]) -> bytes:
    """Return the serialised tf.Example of features by name."""
    example = example_pb2.Example()
    _fill_example(example, features)
    return bytes(example.SerializeToString())


def json_examples(examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the REST form of examples: the JSON tokens alone decide a feature's kind (behaviour item 169)."""
    return [json_features(features) for features in examples]


def json_features(features: Mapping[str, Any]) -> dict[str, Any]:
    """Return the REST form of one example or context."""
    form = {}
    for name, value in features.items():
        _, values = _feature_values(name, value)
        elements = [_json_element(element) for element in values]
        form[name] = elements[0] if len(elements) == 1 else elements
    return form


def _json_element(element: Any) -> Any:
    if not isinstance(element, bytes):
        return element
    try:
        return element.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(element).decode("ascii")}
