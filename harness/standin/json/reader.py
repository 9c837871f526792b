"""JSON documents, read as tensorflow_model_server's RapidJSON reads them.

The reader is a loop over explicit state, so nesting is limited by memory only. It stops behind the first value:
what follows is ignored (behaviour item 141). Large regular arrays of numbers are handed to ``dense``, which
either returns exactly what this loop would have found or declines.
"""

from __future__ import annotations

import re
from typing import Any

from harness.standin.json.dense import DENSE_MIN_BYTES, read_block
from harness.standin.json.number import read_number
from harness.standin.json.syntax import (
    DOCUMENT_EMPTY,
    MISSING_COLON,
    MISSING_COMMA_IN_ARRAY,
    MISSING_COMMA_IN_OBJECT,
    MISSING_NAME,
    TERMINATED,
    VALUE_INVALID,
    JsonSyntaxError,
)
from harness.standin.json.text import read_string
from harness.standin.json.value import JsonObject

__all__ = ["MAX_DEPTH", "parse"]

# The genuine server has no such limit, and ends with a stack overflow long before it.
MAX_DEPTH = 1_000_000

_SPACE = re.compile(rb"[ \t\n\r]*")
_SPACES = frozenset(b" \t\n\r")
_NO_DOCUMENT = frozenset(b"]},:\x00")
_OPEN_LIST, _CLOSE_LIST, _OPEN_OBJECT, _CLOSE_OBJECT, _COMMA, _COLON, _QUOTE = b'[]{},:"'
_KEYWORDS = {ord("n"): (b"null", None), ord("t"): (b"true", True), ord("f"): (b"false", False)}

# The numbers at the start of an array, as long as their digits are few enough that Python's float() rounds as
# RapidJSON does. Nothing follows in the pattern, so a match never has to be taken back.
_SHORT_NUMBER = rb" *-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?(?![0-9.eE]) *"
_SHORT_NUMBERS = re.compile(rb"\[(" + _SHORT_NUMBER + rb"(?:," + _SHORT_NUMBER + rb")*)")

# What was read: a complete value, the start of a container, or a list up to its last element so far.
_COMPLETE, _OPENED, _STARTED = range(3)


def parse(data: bytes | bytearray, *, dense: bool = True) -> Any:
    """Return the first value of a document (see ``value`` for the types).

    Args:
        data: the document; a byte order mark is skipped.
        dense: whether large arrays of numbers may be read by the vectorised reader (same result, other form).

    Raises:
        JsonSyntaxError: with RapidJSON's text and offset.
    """
    return _Reader(data, dense=dense).document()


class _Reader:
    """One pass over one document."""

    def __init__(self, data: bytes | bytearray, *, dense: bool) -> None:
        """Start behind the byte order mark, whose bytes RapidJSON skips one by one."""
        self.data = data
        self.position = 0
        for mark in (0xEF, 0xBB, 0xBF):
            self.position += self.position < len(data) and data[self.position] == mark
        # Where the next attempt at a dense block is worth it: behind the region of a failed one.
        self.dense_from = 0 if dense else len(data)

    def document(self) -> Any:
        """Read the value and every value inside it."""
        if self._next_byte() in _NO_DOCUMENT:
            raise JsonSyntaxError(DOCUMENT_EMPTY, self.position)
        open_containers: list[Any] = []
        names: list[bytes] = []
        while True:
            value, state = self._value_or_container()
            if state == _STARTED:
                open_containers.append(value)
                value = value.pop()
            elif state == _OPENED:
                self._open(value, open_containers, names)
                continue
            while open_containers:
                container = open_containers[-1]
                if type(container) is list:
                    container.append(value)
                    more = self._after_element()
                else:
                    container.members.append((names.pop(), value))
                    more = self._after_member()
                    if more:
                        names.append(self._name())
                if more:
                    break
                value = open_containers.pop()
            else:
                return value

    def _open(self, container: Any, open_containers: list[Any], names: list[bytes]) -> None:
        """Go one level down."""
        if len(open_containers) >= MAX_DEPTH:
            raise JsonSyntaxError(TERMINATED, self.position)
        open_containers.append(container)
        if type(container) is JsonObject:
            names.append(self._name())

    def _next_byte(self) -> int:
        """Return the next byte that is not white space; 0 at the end (RapidJSON takes NUL for the end too)."""
        data, position = self.data, self.position
        if position < len(data) and data[position] in _SPACES:
            match = _SPACE.match(data, position)
            assert match is not None  # noqa: S101 - the pattern matches everywhere, also nothing
            position = self.position = match.end()
        return data[position] if position < len(data) else 0

    def _value_or_container(self) -> tuple[Any, int]:
        """Read a complete value, or the start of a container that holds something."""
        byte = self._next_byte()
        if byte == _QUOTE:
            text, self.position = read_string(self.data, self.position)
            return text, _COMPLETE
        if byte == _OPEN_LIST:
            return self._array()
        if byte == _OPEN_OBJECT:
            self.position += 1
            if self._next_byte() == _CLOSE_OBJECT:
                self.position += 1
                return JsonObject([]), _COMPLETE
            return JsonObject([]), _OPENED
        if byte in _KEYWORDS:
            return self._keyword(*_KEYWORDS[byte]), _COMPLETE
        number, self.position = read_number(self.data, self.position)
        return number, _COMPLETE

    def _array(self) -> tuple[Any, int]:
        """Read an array at once if its form allows it, else only its opening bracket."""
        start = self.position
        if start >= self.dense_from and len(self.data) - start >= DENSE_MIN_BYTES:
            block, end = read_block(self.data, start)
            if block is not None:
                self.position = end
                return block, _COMPLETE
            self.dense_from = end
        short = _SHORT_NUMBERS.match(self.data, start)
        if short is not None:
            self.position = short.end()
            numbers = [float(item) if b"." in item else int(item) for item in short.group(1).split(b",")]
            if self.data[self.position : self.position + 1] != b"]":
                return numbers, _STARTED
            self.position += 1
            return numbers, _COMPLETE
        self.position += 1
        if self._next_byte() == _CLOSE_LIST:
            self.position += 1
            return [], _COMPLETE
        return [], _OPENED

    def _keyword(self, word: bytes, value: Any) -> Any:
        """Read null, true or false; a wrong letter is reported where it stands."""
        for offset, letter in enumerate(word, self.position):
            if offset >= len(self.data) or self.data[offset] != letter:
                raise JsonSyntaxError(VALUE_INVALID, offset)
        self.position += len(word)
        return value

    def _name(self) -> bytes:
        """Read a member's name and its colon."""
        if self._next_byte() != _QUOTE:
            raise JsonSyntaxError(MISSING_NAME, self.position)
        name, self.position = read_string(self.data, self.position)
        if self._next_byte() != _COLON:
            raise JsonSyntaxError(MISSING_COLON, self.position)
        self.position += 1
        return name

    def _after_element(self) -> bool:
        """Read what follows an element: a comma (True) or the closing bracket (False)."""
        byte = self._next_byte()
        if byte not in (_COMMA, _CLOSE_LIST):
            raise JsonSyntaxError(MISSING_COMMA_IN_ARRAY, self.position)
        self.position += 1
        return byte == _COMMA

    def _after_member(self) -> bool:
        """Read what follows a member: a comma (True) or the closing brace (False)."""
        byte = self._next_byte()
        if byte not in (_COMMA, _CLOSE_OBJECT):
            raise JsonSyntaxError(MISSING_COMMA_IN_OBJECT, self.position)
        self.position += 1
        return byte == _COMMA
