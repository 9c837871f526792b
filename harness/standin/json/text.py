"""JSON strings: from the bytes of a request, as RapidJSON reads them, and into the bytes of a reply.

Strings are bytes throughout: neither direction checks for UTF-8 (behaviour item 165).
"""

from __future__ import annotations

import re

from harness.standin.json.syntax import MISSING_QUOTE, JsonSyntaxError

__all__ = ["quote", "read_string"]

_BAD_ESCAPE = "Invalid escape character in string."
_BAD_HEX = "Incorrect hex digit after \\u escape in string."
_BAD_PAIR = "The surrogate pair in string is invalid."

_PLAIN = re.compile(rb'"([^"\\\x00-\x1f]*)"')
_RUN = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX4 = re.compile(rb"[0-9A-Fa-f]{4}")
_ESCAPES = {0x22: b'"', 0x5C: b"\\", 0x2F: b"/", 0x62: b"\b", 0x66: b"\f", 0x6E: b"\n", 0x72: b"\r", 0x74: b"\t"}

_TO_ESCAPE = re.compile(rb'["\\\x00-\x1f]')
_ESCAPED = {bytes([code]): b"\\u%04X" % code for code in range(32)} | {
    b'"': b'\\"',
    b"\\": b"\\\\",
    b"\b": b"\\b",
    b"\f": b"\\f",
    b"\n": b"\\n",
    b"\r": b"\\r",
    b"\t": b"\\t",
}


def quote(text: bytes) -> bytes:
    """Return the text as a JSON string: only quotes, backslashes and control characters are escaped."""
    return b'"' + _TO_ESCAPE.sub(lambda found: _ESCAPED[found.group()], text) + b'"'


def read_string(data: bytes | bytearray, start: int) -> tuple[bytes, int]:
    """Read the string whose opening quote is ``data[start]``; return it with the offset behind it.

    Raises:
        JsonSyntaxError: with RapidJSON's text; bad escapes are reported at their backslash.
    """
    plain = _PLAIN.match(data, start)
    if plain is not None:
        return plain.group(1), plain.end()
    parts = []
    position = start + 1
    while True:
        run = _RUN.match(data, position)
        assert run is not None  # noqa: S101 - the pattern matches everywhere, also nothing
        parts.append(run.group())
        position = run.end()
        byte = data[position] if position < len(data) else 0
        if byte == 0x22:
            return b"".join(parts), position + 1
        if byte != 0x5C:
            raise JsonSyntaxError(_BAD_ESCAPE if byte else MISSING_QUOTE, position)
        text, position = _read_escape(data, position)
        parts.append(text)


def _read_escape(data: bytes | bytearray, backslash: int) -> tuple[bytes, int]:
    """Read the escape at a backslash; return the bytes it stands for and the offset behind it."""
    letter = data[backslash + 1] if backslash + 1 < len(data) else 0
    if letter in _ESCAPES:
        return _ESCAPES[letter], backslash + 2
    if letter != 0x75:
        raise JsonSyntaxError(_BAD_ESCAPE, backslash)
    code = _read_hex(data, backslash + 2, backslash)
    end = backslash + 6
    if 0xD800 <= code <= 0xDBFF:
        if data[end : end + 2] != b"\\u":
            raise JsonSyntaxError(_BAD_PAIR, backslash)
        low = _read_hex(data, end + 2, backslash)
        if not 0xDC00 <= low <= 0xDFFF:
            raise JsonSyntaxError(_BAD_PAIR, backslash)
        code = ((code - 0xD800) << 10 | (low - 0xDC00)) + 0x10000
        end += 6
    # A lone low surrogate is let through, as three bytes.
    return chr(code).encode("utf-8", "surrogatepass"), end


def _read_hex(data: bytes | bytearray, start: int, backslash: int) -> int:
    """Read four hexadecimal digits."""
    match = _HEX4.match(data, start)
    if match is None:
        raise JsonSyntaxError(_BAD_HEX, backslash)
    return int(match.group(), 16)
