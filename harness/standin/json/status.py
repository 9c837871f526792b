"""JSON texts about requests and models: errors, and the status of a model's versions (items 122 and 173)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.standin.json.text import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["error_body", "escape_for_protobuf", "proto_string", "status_body"]

# What protobuf's JSON printer escapes beyond quotes, backslashes and controls, to keep scripts in pages safe.
_ESCAPED_BY_PROTOBUF = re.compile(
    "[<>\x7f-\x9f\xad\u0600-\u0603\u06dd\u070f\u17b4\u17b5\u200b-\u200f\u2028-\u202e\u2060-\u2064"
    "\u206a-\u206f\ufeff\ufff9-\ufffb]"
)


def error_body(message: str) -> bytes:
    """Return the body of an error; bytes kept by surrogateescape go out as they came in."""
    return b'{\n    "error": %s\n}' % quote(message.encode("utf-8", "surrogateescape"))


def proto_string(text: str) -> str:
    """Return a string as protobuf's JSON printer writes it, quotes included."""
    quoted = re.sub(rb"\\u00([0-9A-F]{2})", lambda found: found.group().lower(), quote(text.encode("utf-8", "replace")))
    return escape_for_protobuf(quoted.decode())


def escape_for_protobuf(text: str) -> str:
    """Escape the characters in JSON text that only protobuf's printer escapes."""
    return _ESCAPED_BY_PROTOBUF.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def status_body(versions: Sequence[tuple[int, str, str, str]]) -> bytes:
    """Return the body for (version, state, error code, error message) entries, in their order."""
    entries = [
        f'  {{\n   "version": "{version}",\n   "state": "{state}",\n   "status": {{\n    "error_code": "{code}",\n'
        f'    "error_message": {proto_string(message)}\n   }}\n  }}'
        for version, state, code, message in versions
    ]
    return ('{\n "model_version_status": [\n' + ",\n".join(entries) + "\n ]\n}\n").encode()
