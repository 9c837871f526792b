"""The JSON Schema of results.json, made from the dataclasses it describes.

``python -m harness.results.schema`` prints it; ``harness/report/results.schema.json`` is that output, kept for tools
that are not Python, and a test fails when the two differ.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin

from harness.results.codec import SCHEMA_VERSION, hints
from harness.results.model import Results

__all__ = ["json_schema"]

_SCALARS: dict[Any, dict[str, Any]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "contentEncoding": "base64"},
}


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of results.json."""
    definitions: dict[str, Any] = {}
    _of(Results, definitions)
    root = definitions.pop("Results")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tfserving-harness results",
        "type": "object",
        "properties": {"schema_version": {"const": SCHEMA_VERSION}, **root["properties"]},
        "required": ["schema_version", *root["required"]],
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {
            "anyOf": [_of(each, definitions) for each in arguments if each is not types.NoneType] + [{"type": "null"}]
        }
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _of(arguments[0], definitions)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    if is_dataclass(kind):
        return _reference(kind, definitions)
    return _SCALARS[kind]


def _reference(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in definitions:
        types_of = hints(kind)
        definitions[name] = {
            "type": "object",
            "description": (kind.__doc__ or "").split("\n")[0],
            "properties": {item.name: _of(types_of[item.name], definitions) for item in fields(kind)},
            "required": [i.name for i in fields(kind) if i.default is MISSING and i.default_factory is MISSING],
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=1) + "\n")
