"""Base64 as the server takes it: standard alphabet, white space anywhere, padding right or missing altogether."""

from __future__ import annotations

import binascii
import re

__all__ = ["decode_base64"]

_FORM = re.compile(rb"([A-Za-z0-9+/]*)([=.]*)")
_WHITE_SPACE = b" \t\n\v\f\r"


def decode_base64(text: bytes) -> bytes | None:
    """Return the bytes, or None if the text is not base64 (behaviour item 145).

    A dot is a padding character too, bits left over at the end are ignored.
    """
    match = _FORM.fullmatch(text.translate(None, _WHITE_SPACE))
    if match is None:
        return None
    digits, padding = match.groups()
    missing = -len(digits) % 4
    if missing == 3 or len(padding) not in (0, missing):
        return None
    return binascii.a2b_base64(digits + b"=" * missing)
