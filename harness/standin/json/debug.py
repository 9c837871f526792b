"""The echo of a JSON value inside an error message.

tensorflow_model_server repeats the offending value, pretty-printed with four spaces and with arrays on one line,
and stops writing once 256 bytes are out: the token that crosses the line is still written whole, what follows is
missing, closing brackets too (behaviour item 140). A number that is not finite cannot be written and stops the
echo as well.
"""

from __future__ import annotations

import math
from typing import Any

from harness.standin.json.double import double_text
from harness.standin.json.text import quote
from harness.standin.json.value import JsonObject, NumberBlock

__all__ = ["echo"]

_LIMIT_BYTES = 256
_INDENT = b"    "
_END: Any = object()
_WORDS = {None: b"null", True: b"true", False: b"false"}


class _Level:
    """An array or object whose members are being written."""

    __slots__ = ("is_array", "items", "written")

    def __init__(self, container: Any) -> None:
        """Start before the first member."""
        self.is_array = type(container) is list
        self.items = iter(container if self.is_array else container.members)
        self.written = 0


def echo(value: Any) -> str:
    """Return the echo of a value; bytes that are not UTF-8 are kept by surrogateescape."""
    return _Echo().write(value).decode("utf-8", "surrogateescape")


class _Echo:
    """The text written so far."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.parts: list[bytes] = []
        self.size = 0
        self.levels: list[_Level] = []

    def write(self, root: Any) -> bytes:
        """Write the value and all inside it, until the limit."""
        if self._value(root):
            while self.levels and self._step(self.levels[-1]):
                pass
        return b"".join(self.parts)

    def _put(self, text: bytes) -> bool:
        """Write one token unless the limit was reached before it."""
        if self.size >= _LIMIT_BYTES:
            return False
        self.parts.append(text)
        self.size += len(text)
        return True

    def _step(self, level: _Level) -> bool:
        """Write the next member of the innermost container, or its end."""
        item = next(level.items, _END)
        if item is _END:
            self.levels.pop()
            if level.is_array:
                return self._put(b"]")
            return self._put((b"\n" + _INDENT * len(self.levels) if level.written else b"") + b"}")
        comma = b"," if level.written else b""
        level.written += 1
        if level.is_array:
            return self._value(item, comma and b", ")
        name, member = item
        return self._put(comma + b"\n" + _INDENT * len(self.levels) + quote(name)) and self._value(member, b": ")

    def _value(self, value: Any, before: bytes = b"") -> bool:
        """Write a scalar, or the opening bracket of a container."""
        if type(value) is NumberBlock:
            value = value.to_list()
        if type(value) is list or type(value) is JsonObject:
            written = self._put(before + (b"[" if type(value) is list else b"{"))
            self.levels.append(_Level(value))
            return written
        if type(value) is float and not math.isfinite(value):
            self._put(before)
            return False
        return self._put(before + _scalar(value))


def _scalar(value: Any) -> bytes:
    """Return the text of a value without members."""
    if type(value) is float:
        return double_text(value).encode()
    if type(value) is bytes:
        return quote(value)
    return str(value).encode() if type(value) is int else _WORDS[value]
