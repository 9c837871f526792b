"""Headers that go with every call, e.g. a gateway's authorization: what may be sent, and how values stay secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NO_METADATA", "SecretText", "check_headers", "is_metadata", "merged_headers"]

NO_METADATA = {"connection", "content-type", "host", "keep-alive", "proxy-connection", "upgrade", "user-agent"}
_NAME = re.compile(r"[0-9A-Za-z_.-]+")  # what gRPC takes; HTTP/1.1 takes all of it, too
_VALUE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
_WRITTEN = {"content-length", "te", "transfer-encoding"}
_MOST_BYTES = 8_192  # of all headers together: the default limit of gRPC servers, and of most HTTP servers


class SecretText(str):
    """A text that no ``repr`` shows: so no traceback, dataclass or dictionary does that holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return stars."""
        return "'***'"


def check_headers(headers: Iterable[tuple[str, str]]) -> None:
    """Refuse what HTTP or gRPC could not send; no message shows a value.

    Raises:
        UsageError: a name or a value of other characters, a header that is written for each request, or too many bytes.
    """
    size = 0
    for name, value in headers:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"header name {name!r} must be made of letters, digits, '-', '_' and '.'; leave ':' and spaces out"
            )
        if not _VALUE.fullmatch(value):
            raise UsageError(
                f"the value of header {name!r} must be printable ASCII without spaces at its ends;"
                " encode other text, e.g. as base64"
            )
        if name.lower() in _WRITTEN:
            raise UsageError(f"header {name!r} is written by the engine; leave it out")
        size += len(name) + len(value) + 4
    if size > _MOST_BYTES:
        raise UsageError(f"the headers take {size:,} bytes, servers refuse more than {_MOST_BYTES:,}; send fewer")


def is_metadata(name: str) -> bool:
    """Whether gRPC can send a header of that name: HTTP/1.1 knows some that are gRPC's own."""
    return name.lower() not in NO_METADATA and not name.lower().startswith("grpc-")


def merged_headers(common: Iterable[tuple[str, str]], own: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the common headers and then the own ones, without those common ones whose name is among the own."""
    own = tuple(own)
    names = {name.lower() for name, _ in own}
    return (*((name, value) for name, value in common if name.lower() not in names), *own)
