"""Classify and regress requests: JSON objects become tf.train.Examples, results become JSON text.

The kind of a feature comes from its tokens alone, whatever the model parses it as (behaviour items 168 to 172).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.protos import example_pb2, feature_pb2
from harness.standin.json.base64 import decode_base64
from harness.standin.json.debug import echo
from harness.standin.json.decimal import decimal_texts
from harness.standin.json.fill import is_base64_object, round_to_floats
from harness.standin.json.text import quote
from harness.standin.json.value import MISSING, JsonObject, NumberBlock, is_array, type_name
from harness.standin.status import StatusError

__all__ = ["classify_reply", "fill_input", "regress_reply"]

_BYTES, _FLOATS, _INTEGERS = "bytes_list", "float_list", "int64_list"
_KINDS: dict[type, str] = {bytes: _BYTES, float: _FLOATS, int: _INTEGERS}
_KIND_NAMES = {_BYTES: "bytes", _FLOATS: "float", _INTEGERS: "int64"}
_INT64_MAX = 2**63 - 1


def fill_input(document: JsonObject, request_input: Any) -> None:
    """Fill the Input of a ClassificationRequest or RegressionRequest from a request's JSON object.

    Raises:
        StatusError: with the server's text.
    """
    context, examples = document.find(b"context"), document.find(b"examples")
    if context is not MISSING:
        request_input.example_list_with_context.context.SetInParent()
        request_input.example_list_with_context.context.CopyFrom(_example(context))
    if examples is MISSING:
        raise _format_error(document, "When method is classify, key 'examples' is expected and was not found")
    if not is_array(examples):
        raise _format_error(document, "Expecting 'examples' value to be an list/array")
    items = examples.to_list() if type(examples) is NumberBlock else examples
    if not items:
        raise _format_error(document, "'examples' value is an empty array")
    target = request_input.example_list if context is MISSING else request_input.example_list_with_context
    target.examples.extend(_example(item) for item in items)


def _format_error(document: JsonObject, text: str) -> StatusError:
    return StatusError("INVALID_ARGUMENT", f"JSON Value: {echo(document)} {text}")


def _example(value: Any) -> Any:
    """Return the Example of a JSON object; of a feature given twice the last is taken."""
    if type(value) is not JsonObject:
        raise StatusError("INVALID_ARGUMENT", f"Example must be JSON object but got JSON {type_name(value)}")
    example = example_pb2.Example()
    for key, content in value.members:
        name = key.split(b"\0", 1)[0]
        feature = _feature(name.decode("utf-8", "surrogateescape"), content)
        try:
            example.features.feature[name.decode()].CopyFrom(feature)
        except UnicodeDecodeError:
            continue  # no message can hold that name, and no model can ask for it
    return example


def _feature(name: str, content: Any) -> Any:
    """Return the Feature of a value or list; its first element decides the kind."""
    items = content.to_list() if type(content) is NumberBlock else content if type(content) is list else [content]
    kind = ""
    elements = []
    for item in items:
        element, own_kind = _element(name, item)
        kind = kind or own_kind
        if own_kind != kind:
            text = f"Unexpected element type in feature: {name} expecting type: {_KIND_NAMES[kind]}"
            raise StatusError("INVALID_ARGUMENT", text)
        elements.append(_checked(name, element))
    feature = feature_pb2.Feature()
    if kind:
        getattr(feature, kind).value.extend(round_to_floats(elements) if kind == _FLOATS else elements)
    return feature


def _element(name: str, item: Any) -> tuple[Any, str]:
    """Return an element and the list it belongs to."""
    if type(item) is bool:
        return int(item), _INTEGERS
    if is_base64_object(item):
        return item, _BYTES
    if type(item) not in _KINDS:
        text = f"Feature: {name} has element with unexpected JSON type: {type_name(item)}"
        raise StatusError("INVALID_ARGUMENT", text)
    return item, _KINDS[type(item)]


def _checked(name: str, element: Any) -> Any:
    """Return the element as its list holds it."""
    if type(element) is int and element > _INT64_MAX:
        text = f"Feature: {name} has uint64_t element. Only int64_t is supported."
        raise StatusError("INVALID_ARGUMENT", text)
    if type(element) is not JsonObject:
        return element
    decoded = decode_base64(element.members[0][1])
    if decoded is None:
        raise StatusError("INVALID_ARGUMENT", "Unable to base64 decode")
    return decoded


def classify_reply(result: Any) -> bytes:
    """Return the body for a ClassificationResult.

    Raises:
        StatusError: it has no results.
    """
    if not result.classifications:
        raise StatusError("INVALID_ARGUMENT", "Cannot convert empty ClassificationResults to JSON")
    classes = [entry for item in result.classifications for entry in item.classes]
    scores = iter(decimal_texts(np.array([entry.score for entry in classes], np.float32)))
    items = []
    for item in result.classifications:
        pairs = [b"[%s, %s]" % (quote(entry.label.encode()), next(scores)) for entry in item.classes]
        items.append(b"[" + b", ".join(pairs) + b"]")
    return b'{\n    "results": [' + b", ".join(items) + b"\n    ]\n}"


def regress_reply(result: Any) -> bytes:
    """Return the body for a RegressionResult.

    Raises:
        StatusError: it has no results.
    """
    if not result.regressions:
        raise StatusError("INVALID_ARGUMENT", "Cannot convert empty RegressionResults to JSON")
    values = np.array([item.value for item in result.regressions], np.float32)
    return b'{\n    "results": [' + b", ".join(decimal_texts(values)) + b"]\n}"
