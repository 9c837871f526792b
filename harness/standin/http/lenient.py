"""Request heads as libevent takes them, put into the words of HTTP/1.1.

libevent takes much that h11 refuses: a request without a Host or with two of them, header names with spaces, folded
lines, bare line feeds, ``Content-Length: +2``. So a head is read here by libevent's rules, and what matters of it is
written anew for h11, which then does all the framing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["METHODS", "BadHeadError", "Rewritten", "rewrite_head"]

METHODS = frozenset((b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"))
_WITHOUT_BODY = frozenset((b"HEAD",))
_UNKNOWN = b"UNKNOWN"

_END = re.compile(rb"\n\r?\n")
_SHORTEST_LINE = len(b"GET / HTTP/1.0")
_VERSION = re.compile(rb"HTTP/([+-]?\d{1,9})\.([+-]?\d{1,9})")
_TARGET = re.compile(rb"[!-~]+")
_LENGTH = re.compile(rb"[ \t\n\v\f\r]*([+-]?\d+)")
_PROXY = re.compile(rb"https?://", re.IGNORECASE)
_CONTROLS = re.compile(rb"[\x00-\x1f\x7f]")
_NEWEST_MAJOR = 1
_LARGEST_LENGTH = 2**63 - 1
_LENGTH_DIGITS = 20
_COPIED = (b"origin", b"content-encoding")


class BadHeadError(ValueError):
    """A head that libevent answers with 400."""


class Rewritten(NamedTuple):
    """A head that h11 takes, and how many bytes of the request it stands for."""

    head: bytes
    size: int


def rewrite_head(data: bytes) -> Rewritten | None:
    """Return the head that ``data`` starts with; None if it is not all there.

    Raises:
        BadHeadError: it is none; known as soon as its first line is there.
    """
    line, newline, _ = data.partition(b"\n")
    if not newline:
        return None
    method, target, version = _request_line(_without_cr(line))
    end = _END.search(data, len(line))
    if end is None:
        return None
    headers = _headers(data[len(line) + 1 : end.start() + 1])
    lines = [b"%s %s HTTP/1.%d" % (method, target, version >= (1, 1)), b"Host: any"]
    lines += [b"%s: %s" % (name, _CONTROLS.sub(b"?", headers[name])) for name in _COPIED if name in headers]
    lines += _framing(method, headers, is_1_1=version >= (1, 1))
    lines += _persistence(target, headers)
    return Rewritten(b"\r\n".join(lines) + b"\r\n\r\n", end.end())


def _without_cr(line: bytes) -> bytes:
    """Return a line as the C string that libevent sees: up to its first NUL, without the carriage return."""
    return line.removesuffix(b"\r").split(b"\0", 1)[0]


def _request_line(line: bytes) -> tuple[bytes, bytes, tuple[int, int]]:
    """Return method, target and version; what lies between the first and the last space is the target."""
    line = line.rstrip(b" ")
    method, _, rest = line.partition(b" ")
    target, space, version_text = rest.rpartition(b" ")
    version = _VERSION.fullmatch(version_text)
    if len(line) < _SHORTEST_LINE or not space or not target or version is None:
        raise BadHeadError("this is no request line")
    major, minor = int(version[1]), int(version[2])
    if major > _NEWEST_MAJOR:
        raise BadHeadError(f"HTTP/{major} is not spoken here")
    if method not in METHODS:
        return _UNKNOWN, b"/", (major, minor)
    if _TARGET.fullmatch(target) is None:
        raise BadHeadError("the target is no URI")
    return method, target, (major, minor)


def _headers(text: bytes) -> dict[bytes, bytes]:
    """Return the headers by their names in lower case; of those given twice, the first."""
    found: list[list[bytes]] = []
    for raw in text.split(b"\n")[:-1]:
        line = _without_cr(raw)
        if line[:1] in (b" ", b"\t"):
            if not found:
                raise BadHeadError("the first header continues none")
            found[-1][1] += b" " + line.strip(b" \t")
            continue
        name, colon, value = line.partition(b":")
        if not colon or b"\r" in name or re.search(rb"\r[^ \t]|\r\Z", value):
            raise BadHeadError("this is no header")
        found.append([name.lower(), value.lstrip(b" ").rstrip(b" \t")])
    headers: dict[bytes, bytes] = {}
    for name, value in found:
        headers.setdefault(name, value)
    return headers


def _framing(method: bytes, headers: dict[bytes, bytes], *, is_1_1: bool) -> list[bytes]:
    """Return the headers that say where the body ends, and whether the client wants to be asked for it."""
    if method == _UNKNOWN or method in _WITHOUT_BODY:
        return []
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        lines = [b"Transfer-Encoding: chunked"]
    else:
        length = _length(headers.get(b"content-length"))
        if length == 0:
            return []
        lines = [b"Content-Length: %d" % length]
    if is_1_1 and b"expect" in headers:
        lines.append(b"Expect: " + (b"100-continue" if headers[b"expect"].lower() == b"100-continue" else b"other"))
    return lines


def _length(text: bytes | None) -> int:
    """Return a Content-Length as C's strtoll reads it; 0 without one."""
    if text is None:
        return 0
    match = _LENGTH.fullmatch(text)
    length = min(int(match[1][:_LENGTH_DIGITS]), _LARGEST_LENGTH) if match else -1
    if length < 0:
        raise BadHeadError("this is no length")
    return length


def _persistence(target: bytes, headers: dict[bytes, bytes]) -> list[bytes]:
    """Return the Connection header: a request with an absolute URL counts as one to a proxy."""
    is_proxy = _PROXY.match(target) is not None
    value = headers.get(b"proxy-connection" if is_proxy else b"connection", b"close" if is_proxy else b"").lower()
    if value == b"close" or (is_proxy and value != b"keep-alive"):
        return [b"Connection: close"]
    return [b"Connection: keep-alive"] if headers.get(b"connection", b"").lower().startswith(b"keep-alive") else []
