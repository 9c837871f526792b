"""Features by name -> tf.Example messages and their REST form, for Classify, Regress and MultiInference."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import TensorError, UsageError
from harness.protos import example_pb2, input_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["input_proto", "json_examples", "json_features", "serialized_example"]

_LARGEST_FLOAT = float(np.finfo(np.float32).max)


def _feature_values(name: str, value: Any) -> tuple[str, list[Any]]:
    """Return the feature's kind (``float_list``, ``int64_list``, ``bytes_list``) and its values as a flat list.

    A feature without values has no kind (an empty text): a model's parser takes it for missing.
    """
    if isinstance(value, np.ndarray):
        value = value.reshape(-1).tolist()
    elif not isinstance(value, list | tuple):
        value = [value]
    values = [_plain(name, element) for element in value]
    kinds = {_kind(name, element) for element in values}
    if len(kinds) > 1:
        raise TensorError(f"feature {name!r} mixes {' and '.join(sorted(kinds))}; a feature holds values of one kind")
    return (kinds.pop() if kinds else ""), values


def _plain(name: str, element: Any) -> Any:
    """Return a Python number or ``bytes`` for a NumPy scalar or text."""
    if isinstance(element, np.generic) and not isinstance(element, bytes | str):
        element = element.item()
    try:
        return element.encode() if isinstance(element, str) else element
    except UnicodeEncodeError as exc:
        raise TensorError(f"feature {name!r} holds text that UTF-8 cannot hold ({exc}); give bytes") from exc


def _kind(name: str, element: Any) -> str:
    if isinstance(element, bytes):
        return "bytes_list"
    if isinstance(element, float):
        if _LARGEST_FLOAT < abs(element) < math.inf:
            raise TensorError(f"feature {name!r} holds {element!r}, but a feature's floats are float32")
        return "float_list"
    if isinstance(element, int):  # bool too: the server stores it as 0 or 1 (behaviour item 169)
        if not -(2**63) <= element < 2**63:
            raise TensorError(f"feature {name!r} holds {element}, but a feature's integers are int64")
        return "int64_list"
    raise TensorError(
        f"feature {name!r} holds {type(element).__name__}; a feature holds floats, ints, bools, str or bytes"
    )


def _fill_example(example: Any, features: Mapping[str, Any]) -> None:
    for name, value in _items(features):
        kind, values = _feature_values(name, value)
        feature = example.features.feature[name]
        if kind:
            plain = map(int, values) if kind == "int64_list" else values  # protobuf takes no bool for an int
            getattr(feature, kind).value.extend(plain)


def _items(features: Any) -> Iterable[tuple[str, Any]]:
    if not hasattr(features, "items"):
        raise UsageError(
            f"an example is given as features by name, e.g. {{'x': 1.0}}, but this is {type(features).__name__};"
            " several examples are a list of such"
        )
    items: Iterable[tuple[str, Any]] = features.items()
    return items


def input_proto(examples: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None = None) -> Any:
    """Return the ``Input`` message that holds these examples, and their common context if there is one.

    Raises:
        TensorError: a feature that a tf.Example cannot hold.
        UsageError: an example that is not given as features by name.
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
    for name, value in _items(features):
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
