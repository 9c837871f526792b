"""The URL grammar of the REST API (behaviour items 111 to 120).

Two readers come one after the other, as in tensorflow_model_server: ``split_target`` is libevent's strict reading
of a request target, ``match_predict`` and ``match_model`` are the API's own patterns, matched against path and
query together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

__all__ = [
    "ModelPath",
    "Route",
    "VersionTooBigError",
    "is_api_path",
    "match_model",
    "match_predict",
    "route",
    "split_target",
]

_HOST_CHARACTER = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})"
_CHARACTER = rf"(?:{_HOST_CHARACTER}|[:@])"
_TARGET = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):)?"
    rf"(?://(?:(?:{_HOST_CHARACTER}|:)*@)?(?:\[[0-9A-Za-z:.]+\]|{_HOST_CHARACTER}*)(?::(?P<port>[0-9]*))?(?=[/?#]|\Z)|(?!//))"
    rf"(?P<path>(?:{_CHARACTER}|/)*)"
    rf"(?P<query>\?(?:{_CHARACTER}|[/?])*)?"
    rf"(?P<fragment>#(?:{_CHARACTER}|[/?])*)?"
)
_API = re.compile(r"/v1/.*", re.IGNORECASE | re.ASCII)
_PREDICT = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
    r":(?P<what>classify|regress|predict)",
    re.IGNORECASE | re.ASCII,
)
_MODEL = re.compile(
    r"/v1/models(?:/(?P<name>[^/:]+))?(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?(?:/(?P<what>metadata))?",
    re.IGNORECASE | re.ASCII,
)
_INT64_MAX = 2**63 - 1
_INT64_DIGITS = 19
_LONG_TARGET = 512
_PORT_DIGITS, _LARGEST_PORT = 5, 65535


@dataclass(frozen=True)
class ModelPath:
    """What a URL names.

    Attributes:
        name: the model's name, percent-decoded; empty if the URL has none.
        version: the version number, or None.
        label: the version label, percent-decoded, or None.
        what: the verb (``predict``) or sub-resource (``metadata``) as it was written; empty for none.
    """

    name: str
    version: int | None
    label: str | None
    what: str


@dataclass(frozen=True)
class Route:
    """What a request's method and target are for.

    Attributes:
        path: the target's path.
        whole_path: the path with query and fragment, which the API matches.
        is_api: whether the API answers at all, be it with an error.
        model: what the API's grammar makes of it; None if it does not match.
        too_big_for: the model's name, if the version in the path is no int64; else None.
    """

    path: str
    whole_path: str
    is_api: bool
    model: ModelPath | None = None
    too_big_for: str | None = None


class VersionTooBigError(ValueError):
    """A version in the URL that is no int64.

    Attributes:
        name: the model's name in that URL.
    """

    def __init__(self, name: str) -> None:
        """Keep the name."""
        self.name = name
        super().__init__(name)


def split_target(target: str) -> tuple[str, str] | None:
    """Return path, and path with query and fragment, of a request target; None for one libevent refuses.

    An absolute URL stands for its path.
    """
    match = _TARGET.fullmatch(target)
    if match is None or (match["scheme"] is None and ":" in match["path"].split("/", 1)[0]):
        return None
    port = (match["port"] or "").lstrip("0")
    if len(port) > _PORT_DIGITS or int(port or 0) > _LARGEST_PORT:
        return None
    path = match["path"]
    return path, path + (match["query"] or "") + (match["fragment"] or "")


def is_api_path(path: str) -> bool:
    """Tell whether the API answers at all, be it with an error."""
    return _API.fullmatch(path) is not None


def match_predict(path: str) -> ModelPath | None:
    """Match the URL of a POST, e.g. ``/v1/models/m/versions/1:predict``.

    Raises:
        VersionTooBigError: the version does not fit an int64.
    """
    return _read(_PREDICT.fullmatch(path))


def match_model(path: str) -> ModelPath | None:
    """Match the URL of a GET, e.g. ``/v1/models/m/metadata``.

    Raises:
        VersionTooBigError: the version does not fit an int64.
    """
    return _read(_MODEL.fullmatch(path))


def route(method: str, target: str) -> Route | None:
    """Return what a request is for; None for a target that libevent refuses."""
    return (_route if len(target) > _LONG_TARGET else _remembered_route)(method, target)


def _route(method: str, target: str) -> Route | None:
    paths = split_target(target)
    if paths is None:
        return None
    path, whole_path = paths
    if not is_api_path(whole_path):
        return Route(path, whole_path, is_api=False)
    matcher = {"POST": match_predict, "GET": match_model}.get(method)
    try:
        model = matcher(whole_path) if matcher is not None else None
    except VersionTooBigError as error:
        return Route(path, whole_path, is_api=True, too_big_for=error.name)
    return Route(path, whole_path, is_api=True, model=model)


_remembered_route = lru_cache(maxsize=256)(_route)


def _read(match: re.Match[str] | None) -> ModelPath | None:
    if match is None:
        return None
    name, label = _decode(match["name"] or ""), match["label"]
    digits = match["version"]
    if digits is not None and (len(digits.lstrip("0")) > _INT64_DIGITS or int(digits) > _INT64_MAX):
        raise VersionTooBigError(name)
    version = None if digits is None else int(digits)
    return ModelPath(name, version, None if label is None else _decode(label), match["what"] or "")


def _decode(text: str) -> str:
    """Decode percent escapes; bytes that are not UTF-8 are kept by surrogateescape."""
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")
