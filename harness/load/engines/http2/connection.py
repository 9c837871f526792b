"""One HTTP/2 connection from the client's side: bytes in, ended requests and bytes to send out. No sockets, no clock.

Written for speed where every request passes (``Sender.request``, ``receive``), for clearness everywhere else. The
requests are known beforehand; sending one is giving it a stream id, and it waits only if the peer's windows or its
limit of streams say so. An answer is not assembled: its bytes are counted, and kept only if the caller asks for that.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import hpack

from harness.load.engines.http2 import frames
from harness.load.engines.http2.ended import Ended
from harness.load.engines.http2.errors import ProtocolError
from harness.load.engines.http2.headers import Head, HeaderReader
from harness.load.engines.http2.payloads import number, unpadded
from harness.load.engines.http2.sender import OUR_FRAME_BYTES, Sender

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.load.engines.http2.headers import Fields

__all__ = ["Connection"]

_HEAD = struct.Struct(">IBI")
_new: Any = tuple.__new__  # makes a named tuple at a third of its constructor's cost
_RENEW_AT_BYTES = 2**30
_FIRST_BYTES = 5
_MOST_CONTINUATIONS = 1_000  # of one header block: empty ones would go on without end


class Connection:
    """The state of one connection.

    Attributes:
        out: what is to be sent, in order; the caller joins, sends and clears it.
        request: sends a request, or lets it wait; see ``Sender.request``.
        give_up: gives up what is late, see ``Sender.give_up``.
        tags: yields the tags of the requests that are not over, see ``Sender.tags``.
        went_away: whether the peer takes no new requests.
        why: what it said to that.
        acknowledged_bytes: how much was put into ``out`` only because the peer asked for it; the caller may reset it.
    """

    def __init__(self, requests: Sequence[tuple[Fields, bytes]] = ()) -> None:
        """Say hello: what is in ``out`` already is to be sent first.

        Args:
            requests: what can be sent: header fields, pseudo fields first, and the whole body.
        """
        self._sender = Sender(requests)
        self.out = self._sender.out
        self.request = self._sender.request
        self.give_up = self._sender.give_up
        self.tags = self._sender.tags
        self.why = ""
        self.went_away = False
        self._streams = self._sender.streams
        self._reader = HeaderReader()
        self._parts: list[bytes] = []  # of a frame that has not arrived whole
        self._missing = 0  # bytes of it, as far as is known
        self._block: tuple[int, int, bytes] | None = None  # of a header block that goes on in CONTINUATION frames
        self._continuations = 0
        self.acknowledged_bytes = 0
        self._consumed = 0
        self._ended: list[Ended] = []
        self._was_set = False

    @property
    def in_flight(self) -> int:
        """Requests that were opened and are not over."""
        return len(self._streams)

    @property
    def waiting(self) -> int:
        """Requests that wait for the peer to take more at a time."""
        return len(self._sender.waiting)

    @property
    def goes_away(self) -> bool:
        """Whether no new requests are to be sent here: the peer takes none, or stream ids come to their end."""
        return self.went_away or self._sender.is_spent

    def take_waiting(self) -> list[Any]:
        """Return the tags of the requests that wait, and forget these requests: they go elsewhere."""
        tags = [entry[0] for entry in self._sender.waiting]
        self._sender.waiting.clear()
        return tags

    def abandon(self) -> list[Any]:
        """Return the tags of all requests that are not over, and forget them: the connection is lost."""
        lost = list(self.tags())
        self._streams.clear()
        self._sender.waiting.clear()
        self._sender.rests.clear()
        return lost

    def take_ended(self) -> list[Ended]:
        """Return the requests that were over when ``receive`` raised an error, and forget them."""
        ended, self._ended = self._ended, []
        return ended

    def receive(self, data: bytes) -> list[Ended]:  # noqa: C901,PLR0912 - one loop, no calls: every frame passes here
        """Take what has arrived and return the requests that are over.

        Raises:
            ProtocolError: the peer broke the rules; what was over by then is in ``take_ended``, the rest is lost, see
                ``abandon``.
        """
        buffer = self._completed(data) if self._parts else data
        position, length = 0, len(buffer)
        streams, known, ended, stop = self._streams, self._reader.known, self._ended, 0
        while length - position >= 9:
            size, flags, stream_id = _HEAD.unpack_from(buffer, position)
            kind, size = size & 0xFF, size >> 8
            start = position + 9
            stop = start + size
            if stop > length:
                self._refuse_large(size)
                break
            position = stop
            stream = streams.get(stream_id)
            if stream is None or kind > 1 or flags & 0x28 or self._block is not None:
                self._unusual(kind, flags, stream_id, buffer[start:stop])
                continue
            if kind == 0:
                self._consumed += size
                if stream.size < _FIRST_BYTES:
                    stream.first += buffer[start : start + _FIRST_BYTES if size > _FIRST_BYTES else stop]
                stream.size += size
                if stream.body is not None:
                    stream.body.append(buffer[start:stop])
                if flags & 1:
                    self._end(stream_id)
                continue
            if not flags & 4:
                self._block = (stream_id, flags, buffer[start:stop])
                continue
            block = buffer[start:stop]
            head = known.get(block) or self._read(block)
            if head[0] is not None:
                stream.http_status = head[0]
            stream.head = head
            if flags & 1:
                del streams[stream_id]
                body = b"".join(stream.body) if stream.body else b""
                ended.append(
                    _new(Ended, (stream.tag, head, stream.http_status, stream.size, body, None, False, stream.first))
                )
        if position < length:
            self._parts.append(buffer[position:] if position else buffer)
            self._missing = stop - length if length - position >= 9 else 1
        if self._consumed > _RENEW_AT_BYTES:
            self._renew_window()
        if ended:
            self._ended = []
            if self._sender.rests:
                self._sender.drop_rests()
            if self._sender.waiting and not self.went_away:
                self._sender.open_waiting()
        return ended

    def _renew_window(self) -> None:
        """Let the peer send more; look, since this is seldom, whether it has sent more than it might."""
        largest = max((each.size for each in self._streams.values()), default=0)
        if self._consumed > frames.LARGEST_WINDOW or largest > frames.LARGEST_WINDOW:
            raise ProtocolError("more data than our window has room for", code=frames.FLOW_CONTROL_ERROR)
        self.out.append(frames.window_update(0, self._consumed))
        self._consumed = 0

    def _completed(self, data: bytes) -> bytes:
        """Return what has arrived since the last whole frame, nothing as long as the next one is not whole."""
        self._parts.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return b""
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole

    def _end(self, stream_id: int, *, error: int | None = None, refused: bool = False) -> None:
        stream = self._streams.pop(stream_id)
        body = b"".join(stream.body) if stream.body else b""
        head = None if error is not None else stream.head
        self._ended.append(Ended(stream.tag, head, stream.http_status, stream.size, body, error, refused, stream.first))

    def _read(self, block: bytes) -> Head:
        try:
            return self._reader.read(block)
        except hpack.HPACKError as exc:
            raise ProtocolError(f"a header block that cannot be read: {exc}") from exc

    def _unusual(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        """Take any frame but plain DATA and HEADERS of a request in flight."""
        if self._block is not None and kind != frames.CONTINUATION:
            raise ProtocolError(f"a frame of type {kind} within a header block")
        if not self._was_set and kind != frames.SETTINGS:
            raise ProtocolError(f"the first frame is of type {kind}, not SETTINGS: is this an HTTP/2 server?")
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, flags, stream_id, payload)

    def _on_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._refuse_idle(stream_id)
        self._consumed += len(payload)
        stream = self._streams.get(stream_id)
        if stream is None:
            return  # of a request that we gave up
        content = unpadded(flags, payload)
        if stream.size < _FIRST_BYTES:
            stream.first += content[:_FIRST_BYTES]
        stream.size += len(content)
        if stream.body is not None:
            stream.body.append(content)
        if flags & frames.END_STREAM:
            self._end(stream_id)

    def _on_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._refuse_idle(stream_id)
        content = unpadded(flags, payload)
        if flags & frames.WITH_PRIORITY:
            content = content[5:]
        if flags & frames.END_HEADERS:
            self._on_block(flags, stream_id, content)
        else:
            self._block = (stream_id, flags, content)

    def _on_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != stream_id:
            raise ProtocolError("a CONTINUATION frame without its header block")
        _, first_flags, content = self._block
        content += payload
        self._continuations += 1
        if self._continuations > _MOST_CONTINUATIONS:
            raise ProtocolError(f"a header block of over {_MOST_CONTINUATIONS} CONTINUATION frames")
        if len(content) > OUR_FRAME_BYTES:
            raise ProtocolError(f"a header block of over {OUR_FRAME_BYTES} bytes")
        self._block = (stream_id, first_flags, content)
        if flags & frames.END_HEADERS:
            self._block, self._continuations = None, 0
            self._on_block(first_flags, stream_id, content)

    def _on_block(self, flags: int, stream_id: int, content: bytes) -> None:
        head = self._read(content)  # also of requests that we gave up: it may change the table
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        if head.http_status is not None:
            stream.http_status = head.http_status
        stream.head = head
        if flags & frames.END_STREAM:
            self._end(stream_id)

    def _on_rst_stream(self, _flags: int, stream_id: int, payload: bytes) -> None:
        self._refuse_idle(stream_id)
        code = number(payload, 4, "RST_STREAM")
        if stream_id in self._streams:
            self._end(stream_id, error=code, refused=frames.ERROR_NAMES.get(code) == "REFUSED_STREAM")

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) % 6 or (flags & frames.ACK and payload):
            raise ProtocolError("a SETTINGS frame of a wrong form", code=frames.FRAME_SIZE_ERROR)
        if not self._was_set:
            self._was_set = True
            self._sender.set_first()
        if flags & frames.ACK:
            return
        for key, value in struct.iter_unpack(">HI", payload):
            self._sender.set(key, value)
        self._acknowledge(frames.frame(frames.SETTINGS, frames.ACK, 0))
        self._sender.send_rests()
        if not self.went_away:
            self._sender.open_waiting()

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) != 8:
            raise ProtocolError("a PING frame of a wrong form", code=frames.FRAME_SIZE_ERROR)
        if not flags & frames.ACK:
            self._acknowledge(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _acknowledge(self, frame: bytes) -> None:
        self.out.append(frame)
        self.acknowledged_bytes += len(frame)

    def _on_goaway(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) < 8:
            raise ProtocolError("a GOAWAY frame of a wrong form", code=frames.FRAME_SIZE_ERROR)
        last, code = struct.unpack_from(">II", payload)
        self.went_away = True
        words = payload[8:208].decode(errors="replace")
        self.why = f"the server sent GOAWAY ({frames.ERROR_NAMES.get(code, code)}{words and ', '}{words})"
        for unseen in [each for each in self._streams if each > last & 0x7FFF_FFFF]:
            self._end(unseen, error=code, refused=True)

    def _on_window_update(self, _flags: int, stream_id: int, payload: bytes) -> None:
        size = number(payload, 4, "WINDOW_UPDATE") & 0x7FFF_FFFF
        if stream_id:
            self._refuse_idle(stream_id)
        elif not size:
            raise ProtocolError("a WINDOW_UPDATE of 0 bytes")
        if not size:
            self._reset(stream_id, frames.PROTOCOL_ERROR)
        elif not self._sender.widen(stream_id, size):
            self._reset(stream_id, frames.FLOW_CONTROL_ERROR)

    def _reset(self, stream_id: int, code: int) -> None:
        """End a request whose stream the peer has broken, and tell it so."""
        if stream_id in self._streams:
            self._sender.rests.pop(stream_id, None)
            self.out.append(frames.rst_stream(stream_id, code))
            self._end(stream_id, error=code)

    def _on_push_promise(self, _flags: int, _stream_id: int, _payload: bytes) -> None:
        raise ProtocolError("a PUSH_PROMISE, which we have forbidden")

    def _refuse_large(self, size: int) -> None:
        if size > OUR_FRAME_BYTES:
            raise ProtocolError(f"a frame of {size} bytes; we take {OUR_FRAME_BYTES}", code=frames.FRAME_SIZE_ERROR)

    def _refuse_idle(self, stream_id: int) -> None:
        if stream_id == 0 or stream_id % 2 == 0 or stream_id >= self._sender.next_id:
            raise ProtocolError(f"a frame of stream {stream_id}, which nobody has opened")


_HANDLERS = {
    frames.DATA: Connection._on_data,  # noqa: SLF001 - its own table
    frames.HEADERS: Connection._on_headers,  # noqa: SLF001
    frames.RST_STREAM: Connection._on_rst_stream,  # noqa: SLF001
    frames.SETTINGS: Connection._on_settings,  # noqa: SLF001
    frames.PUSH_PROMISE: Connection._on_push_promise,  # noqa: SLF001
    frames.PING: Connection._on_ping,  # noqa: SLF001
    frames.GOAWAY: Connection._on_goaway,  # noqa: SLF001
    frames.WINDOW_UPDATE: Connection._on_window_update,  # noqa: SLF001
    frames.CONTINUATION: Connection._on_continuation,  # noqa: SLF001
}
