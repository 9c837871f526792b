"""Header blocks, decoded by ``hpack`` at most once as long as their meaning cannot have changed.

A block's meaning depends on the dynamic table, which earlier blocks filled. Servers send the same few blocks over and
over; they refer to the table and leave it as it is, so the bytes alone tell what they mean until some other block
changes the table. The same holds for the blocks that we send.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import hpack

__all__ = ["Fields", "Head", "HeaderReader", "HeaderWriter"]

Fields = tuple[tuple[str, str] | hpack.HeaderTuple, ...]

_MOST_REMEMBERED = 1024
_MOST_BYTES = 64 * 1024


class Head(NamedTuple):
    """What a header block of an answer says, as far as a load generator looks at it.

    Attributes:
        http_status: the ``:status``, None in trailers.
        grpc_status: the ``grpc-status``, None if the block has none or it is no number.
        message: the ``grpc-message``, decoded.
    """

    http_status: int | None
    grpc_status: int | None
    message: str


class HeaderReader:
    """Reads the blocks of one connection, in the order they arrive."""

    def __init__(self) -> None:
        """Begin with an empty table."""
        self.known: dict[bytes, Head] = {}  # for callers in a hurry: what is in here need not be read again
        self._decoder = hpack.Decoder(max_header_list_size=_MOST_BYTES)

    def read(self, block: bytes) -> Head:
        """Return what a block says.

        Raises:
            hpack.HPACKError: it is damaged, or too large.
        """
        head = self.known.get(block)
        if head is not None:
            return head
        table = self._decoder.header_table
        before = _state(table)
        head = _head(self._decoder.decode(block, raw=True))
        if _has_changed(table, before):
            self.known.clear()  # what was known may refer to entries that have moved
        elif len(self.known) < _MOST_REMEMBERED:
            self.known[block] = head
        return head


def _state(table: Any) -> tuple[Any, int, int]:
    """Return what differs after a block that has changed the table: an entry came in, or the size changed."""
    entries = table.dynamic_entries
    return (entries[0] if entries else None), len(entries), table.maxsize


def _has_changed(table: Any, before: tuple[Any, int, int]) -> bool:
    newest, *sizes = _state(table)
    return newest is not before[0] or tuple(sizes) != before[1:]  # the very entry: an equal one may have come in


def _head(fields: Any) -> Head:
    found: dict[bytes, bytes] = dict(fields)
    return Head(
        http_status=_number(found.get(b":status")),
        grpc_status=_number(found.get(b"grpc-status")),
        message=unquote_to_bytes(found.get(b"grpc-message", b"")).decode(errors="replace"),
    )


def _number(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() and len(text) < 5 else None


class HeaderWriter:
    """Writes the blocks of one connection, in the order they leave."""

    def __init__(self) -> None:
        """Begin with an empty table."""
        self._encoder = hpack.Encoder()

    def table_size(self, size: int) -> bool:
        """Keep to the peer's limit from the next block on; return whether earlier blocks have lost their meaning."""
        smaller = size < self._encoder.header_table_size
        if smaller:
            self._encoder.header_table_size = size
        return smaller

    def write(self, fields: Fields) -> tuple[bytes, bool | None]:
        """Return the block of these header fields, and whether it may be sent again.

        None for that says that it has changed the table: earlier blocks must not be sent again, either.
        """
        table = self._encoder.header_table
        before = _state(table)
        says_size = bool(self._encoder.table_size_changes)  # once, at the beginning of the next block
        block = bytes(self._encoder.encode(fields))
        return block, None if _has_changed(table, before) else not says_size
