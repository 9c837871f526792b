"""Requests to text and their answers, computed in Python."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from models.example import Example

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["examples", "expected"]

_UPPER, _LOWER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"
_TO_LOWER = bytes.maketrans(_UPPER, _LOWER)
_SPACES = re.compile(rb"[ \t\r\n\f\v]+")


def expected(texts: Sequence[bytes]) -> Mapping[str, np.ndarray]:
    """Return the outputs for N texts, arrays of shape [N]: bytes, int64 and bytes."""
    return {
        "normalised": _string_array([_normalised(text) for text in texts]),
        "length": np.array([len(text) for text in texts], dtype=np.int64),
        "reversed_bytes": _string_array([text[::-1] for text in texts]),
    }


def examples() -> tuple[Example, ...]:
    """Return requests with plain, many-byte, empty and undecodable texts."""
    batches = {
        "plain text": [b"  Hello,\t\tWorld  ", b"one"],
        "many bytes a character": ["Grüße, ΑΘΗΝΑ 東京 🙂".encode(), "naïve  café".encode()],
        "an empty text": [b"", b"   "],
        "quotes and control characters": [b'say "\\n"\x01\x7f', b"{}[]:,"],
        "not UTF-8": [b"\xff\x00ABC", b"tail\xc3"],
    }
    return tuple(
        Example(name=name, inputs={"text": _string_array(texts)}, outputs=expected(texts))
        for name, texts in batches.items()
    )


def _normalised(text: bytes) -> bytes:
    valid = text.decode("utf-8", errors="replace").encode()
    return _SPACES.sub(b" ", valid.translate(_TO_LOWER)).strip(b" ")


def _string_array(texts: Sequence[bytes]) -> np.ndarray:
    """Return an object array; NumPy's own byte strings would drop trailing NULs."""
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array
