"""The match rules: what of an answer must be as recorded, and how exactly."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import TYPE_CHECKING, Any

from replay.rpc import reply_hash, reply_json

if TYPE_CHECKING:
    from replay.corpus import Step
    from replay.place import Place

__all__ = ["difference"]

_SERIES = re.compile(r"(:tensorflow:serving:[^{ ]*)\{?([^}]*)\}? ")
_BUCKET_LABEL = re.compile(r',?le="[^"]*"')


def difference(step: Step, answer: dict[str, Any], place: Place) -> str | None:
    """What is wrong with an answer, None if nothing is."""
    return _BY_TRANSPORT[step.transport](step, answer, place)


def _first(*differences: str | None) -> str | None:
    return next((text for text in differences if text is not None), None)


def _same(what: str, expected: Any, seen: Any) -> str | None:
    return None if expected == seen else f"{what}: expected {_short(expected)}, saw {_short(seen)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 1500 else text[:1500] + " ..."


def _text(rule: str, what: str, recorded: dict[str, Any], key: str, seen: str) -> str | None:
    """Compare a text by rule: exact, regexp or prefix."""
    if rule == "regexp":
        matched = re.fullmatch(recorded["pattern"], seen, re.DOTALL)
        return None if matched else f"{what}: expected to match {_short(recorded['pattern'])}, saw {_short(seen)}"
    if rule == "prefix":
        return (
            None
            if seen.startswith(recorded["prefix"])
            else f"{what}: expected {recorded['prefix']!r}..., saw {_short(seen)}"
        )
    return _same(what, recorded[key], seen)


def _rest(step: Step, answer: dict[str, Any], place: Place) -> str | None:
    recorded = step.response
    headers = {key.lower(): value for key, value in recorded["headers"].items()}
    fault = _first(_same("status", recorded["status"], answer["status"]), _same("headers", headers, answer["headers"]))
    body = place.mask(answer["body"].decode("utf-8", "surrogateescape"))
    return _first(fault, _rest_body(step, body)) if fault is None else f"{fault}; body {_short(body)}"


def _rest_body(step: Step, body: str) -> str | None:
    recorded = step.response
    if step.match == "metrics":
        return _same_set("series", set(recorded["series"]), _series(body))
    if step.match in {"json", "close"}:
        return _json_texts(recorded["body"], body, close=step.match == "close")
    if "body_b64" in recorded:
        return _same("body", base64.b64decode(recorded["body_b64"]), body.encode("utf-8", "surrogateescape"))
    return _text(step.match or "exact", "body", recorded, "body", body)


def _json_texts(expected: str, seen: str, *, close: bool) -> str | None:
    try:
        value = json.loads(seen)
    except ValueError:
        return f"body: expected JSON, saw {_short(seen)}"
    return _json("body", json.loads(expected), value, close=close)


def _json(path: str, expected: Any, seen: Any, *, close: bool) -> str | None:
    """Compare parsed JSON: order of keys is free, integers and decimals differ."""
    if isinstance(expected, dict) and isinstance(seen, dict):
        keys = _same_set(f"{path} keys", set(expected), set(seen))
        return _first(keys, *(_json(f"{path}.{k}", expected[k], seen[k], close=close) for k in expected if k in seen))
    if isinstance(expected, list) and isinstance(seen, list):
        length = _same(f"{path} length", len(expected), len(seen))
        pairs = zip(expected, seen, strict=False)
        return _first(length, *(_json(f"{path}[{i}]", a, b, close=close) for i, (a, b) in enumerate(pairs)))
    if type(expected) is not type(seen):
        return _same(path, expected, seen) or f"{path}: expected {expected!r}, saw {seen!r}"
    if isinstance(expected, float):
        return None if _floats_match(expected, seen, close=close) else _same(path, expected, seen)
    return _same(path, expected, seen)


def _floats_match(expected: float, seen: float, *, close: bool) -> bool:
    if math.isnan(expected) or math.isnan(seen):
        return math.isnan(expected) and math.isnan(seen)
    return math.isclose(expected, seen, rel_tol=1e-4, abs_tol=1e-6) if close else expected == seen


def _same_set(what: str, expected: set[str], seen: set[str]) -> str | None:
    if expected == seen:
        return None
    return f"{what}: missing {sorted(expected - seen)}, too many {sorted(seen - expected)}"


def _series(body: str) -> set[str]:
    """The TYPE lines and label sets of the serving metrics, without values and buckets."""
    series = {line for line in body.splitlines() if line.startswith("# TYPE :tensorflow:serving:")}
    for line in body.splitlines():
        match = _SERIES.match(line)
        if match:
            series.add(f"{match[1]}{{{_BUCKET_LABEL.sub('', match[2])}}}")
    return series


def _grpc(step: Step, answer: dict[str, Any], place: Place) -> str | None:
    recorded, details = step.response, place.mask(answer["details"])
    code = _same("code", recorded["code"], answer["code"])
    if code is not None:
        return f"{code}; details {details!r}"
    if recorded["code"] != "OK":
        return _text(step.match or "exact", "details", recorded, "details", details)
    method = step.request["method"]
    if "json" in recorded:
        return _json("reply", recorded["json"], reply_json(method, answer["bytes"]), close=step.match == "close")
    if "sha256" in recorded:
        return _same("sha256", recorded["sha256"], reply_hash(method, answer["bytes"]))
    return _same("reply", base64.b64decode(recorded["bytes"]), answer["bytes"])


def _fields(step: Step, answer: dict[str, Any], _place: Place) -> str | None:
    """A process or a wait: every recorded field, the stdout by rule."""
    recorded = step.response
    faults = [
        _same(key, recorded[key], answer.get(key)) for key in recorded if key not in {"stdout", "pattern", "prefix"}
    ]
    if "stdout" in recorded:
        faults.append(_text(step.match or "exact", "stdout", recorded, "stdout", answer["stdout"]))
    return _first(*faults)


def _parallel(_step: Step, answer: dict[str, Any], place: Place) -> str | None:
    return _first(*(difference(inner, one, place) for inner, one in answer["pairs"]))


_BY_TRANSPORT = {"rest": _rest, "grpc": _grpc, "process": _fields, "wait": _fields, "parallel": _parallel}
