"""Results <-> JSON, driven by the dataclasses' own annotations.

One walker for writing and one for reading, so a new field needs no code here. Reading is strict: a missing, unknown
or ill-typed field is an error that names its place (``latency[2].n``), because a half-understood results file would
end up as a wrong number in a report. Bytes travel as base64. Floats must be finite: JSON has no other.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin

from harness.errors import ReportError
from harness.results.model import Results

__all__ = ["SCHEMA_VERSION", "from_json", "hints", "to_json"]

SCHEMA_VERSION = 1

_T = TypeVar("_T")


def to_json(results: Results) -> bytes:
    """Return results as the bytes of results.json: UTF-8, indented, fields in a fixed order.

    Raises:
        ReportError: a value does not fit its field, e.g. a float that is not finite.
    """
    document = {"schema_version": SCHEMA_VERSION, **_encode(results, "results")}
    return (json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )


def from_json(text: bytes | str, *, source: str = "results") -> Results:
    """Read results from the content of a results.json.

    Args:
        text: the file's content.
        source: how errors call it, usually its path.

    Raises:
        ReportError: it is not JSON, of another schema version, or does not fit the schema.
    """
    document = _parse(text, source)
    if not isinstance(document, dict) or "schema_version" not in document:
        raise ReportError(
            f"{source}: not a results file: it has no schema_version; pass a results.json of this harness"
        )
    version = document.pop("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise ReportError(
            f"{source}: schema_version {version!r} cannot be read, this harness reads {SCHEMA_VERSION}; "
            "use the harness version that wrote the file, or run again with this one"
        )
    try:
        return _decode_dataclass(Results, document, "")
    except ReportError as error:
        raise ReportError(f"{source}: {error}") from error


@cache
def hints(kind: type) -> dict[str, Any]:
    """Return a dataclass's field types, resolved."""
    return typing.get_type_hints(kind)


def _parse(text: bytes | str, source: str) -> Any:
    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise ReportError(
            f"{source}: not readable as JSON ({error}); it may have been cut short: run again to write it anew"
        ) from error


def _encode(value: Any, place: str) -> Any:
    if is_dataclass(value):
        return {item.name: _encode(getattr(value, item.name), f"{place}.{item.name}") for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _encode(each, f"{place}[{key!r}]") for key, each in value.items()}
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, str) or value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)  # a NumPy float64 is a float, but prints otherwise
        raise ReportError(f"{place} is {value!r}, and JSON has no such number; leave it out (None) or mend it")
    if isinstance(value, Sequence):
        return [_encode(each, f"{place}[{index}]") for index, each in enumerate(value)]
    raise ReportError(f"{place} is a {type(value).__name__}, which results cannot hold; convert it first")


def _decode(kind: Any, value: Any, place: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_optional(kind, value, place)
    if origin is Literal:
        return value if value in get_args(kind) else _misfit(place, f"one of {get_args(kind)}", value)
    if origin is tuple:
        return _decode_tuple(get_args(kind)[0], value, place)
    if origin is Mapping:
        return _decode_mapping(get_args(kind)[1], value, place)
    if is_dataclass(kind):
        return _decode_dataclass(typing.cast("type[Any]", kind), value, place)
    return _SCALARS[kind](value, place)


def _decode_optional(kind: Any, value: Any, place: str) -> Any:
    if value is None:
        return None
    (inner,) = [each for each in get_args(kind) if each is not types.NoneType]
    return _decode(inner, value, place)


def _decode_tuple(kind: Any, value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        _misfit(place, "a list", value)
    return tuple(_decode(kind, each, f"{place}[{index}]") for index, each in enumerate(value))


def _decode_mapping(kind: Any, value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _misfit(place, "an object", value)
    return {key: _decode(kind, each, f"{place}[{key!r}]") for key, each in value.items()}


def _decode_dataclass(kind: type[_T], value: Any, place: str) -> _T:
    if not isinstance(value, dict):
        _misfit(place, f"an object ({kind.__name__})", value)
    known: dict[str, Field[Any]] = {item.name: item for item in fields(typing.cast("Any", kind))}
    unknown = sorted(set(value) - set(known))
    missing = [name for name, item in known.items() if name not in value and _is_required(item)]
    if unknown or missing:
        raise ReportError(f"{place or 'results'}: missing fields {missing}, unknown fields {unknown}")
    types_of = hints(typing.cast("Any", kind))
    return kind(**{name: _decode(types_of[name], each, _join(place, name)) for name, each in value.items()})


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _misfit(place: str, wanted: str, value: Any) -> NoReturn:
    shown = repr(value)
    raise ReportError(f"{place}: expected {wanted}, got {shown if len(shown) <= 60 else shown[:57] + '...'}")


def _as_int(value: Any, place: str) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else _misfit(place, "a whole number", value)


def _as_float(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _fits_float(value):
        _misfit(place, "a number", value)
    return float(value)


def _fits_float(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:  # a whole number of more than 308 digits
        return False


def _as_str(value: Any, place: str) -> str:
    return value if isinstance(value, str) else _misfit(place, "a string", value)


def _as_bool(value: Any, place: str) -> bool:
    return value if isinstance(value, bool) else _misfit(place, "true or false", value)


def _as_bytes(value: Any, place: str) -> bytes:
    try:
        return base64.b64decode(_as_str(value, place), validate=True)
    except (binascii.Error, ValueError):
        _misfit(place, "base64", value)


_SCALARS = {int: _as_int, float: _as_float, str: _as_str, bool: _as_bool, bytes: _as_bytes}
