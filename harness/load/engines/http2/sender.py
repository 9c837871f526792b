"""What leaves a connection: requests, as far as the peer's windows and its limit of streams allow."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from harness.load.engines.http2 import frames
from harness.load.engines.http2.errors import ProtocolError
from harness.load.engines.http2.headers import Head, HeaderWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OUR_FRAME_BYTES", "Sender", "Stream"]

OUR_FRAME_BYTES = 2**20
_DATA_END = bytes((frames.DATA, frames.END_STREAM))
_HEADERS_OPEN = bytes((frames.HEADERS, frames.END_HEADERS))
_HEADERS_END = bytes((frames.HEADERS, frames.END_HEADERS | frames.END_STREAM))

_Fields = tuple[tuple[str, str], ...]


class Stream:
    """A request in flight, and what has come of its answer."""

    __slots__ = ("body", "head", "http_status", "rest", "size", "tag", "window")

    def __init__(self, tag: Any, window: int, body: list[bytes] | None) -> None:
        """Begin with nothing of the answer."""
        self.tag = tag
        self.window = window  # what of its body may still be sent before the peer says more
        self.rest = memoryview(b"")  # what of its body waits for that
        self.size = 0
        self.http_status = 0
        self.head: Head | None = None
        self.body = body


class Sender:
    """Opens streams and sends bodies.

    Attributes:
        out: what is to be sent, in order.
        streams: the requests in flight, by stream id, in the order they were opened.
        waiting: requests that wait for the peer to take more at a time.
        next_id: the id of the next stream.
    """

    def __init__(self, *, keep_bodies: bool) -> None:
        """Put the preface, our settings and our window into ``out``."""
        ours = {
            frames.ENABLE_PUSH: 0,
            frames.INITIAL_WINDOW_SIZE: frames.LARGEST_WINDOW,
            frames.MAX_FRAME_SIZE: OUR_FRAME_BYTES,
        }
        whole = frames.window_update(0, frames.LARGEST_WINDOW - frames.INITIAL_WINDOW)
        self.out: list[bytes] = [frames.PREFACE, frames.settings(ours), whole]
        self.streams: dict[int, Stream] = {}
        self.waiting: deque[tuple[Any, _Fields, bytes]] = deque()
        self.next_id = 1
        self._keep = keep_bodies
        self._writer = HeaderWriter()
        self._window, self._stream_window = frames.INITIAL_WINDOW, frames.INITIAL_WINDOW
        self._frame_bytes, self._most_streams = frames.LEAST_FRAME_BYTES, frames.LARGEST_WINDOW

    def request(self, tag: Any, fields: _Fields, body: bytes) -> None:
        """Send a request, or let it wait until the peer takes more at a time.

        Args:
            tag: comes back in ``Ended``.
            fields: the header fields, pseudo fields first; the same object for the same fields, for speed.
            body: the whole body; empty for none.
        """
        if len(self.streams) >= self._most_streams:
            self.waiting.append((tag, fields, body))
            return
        stream_id = self.next_id
        self.next_id = stream_id + 2
        stream = Stream(tag, self._stream_window, [] if self._keep else None)
        self.streams[stream_id] = stream
        name = stream_id.to_bytes(4, "big")
        block = self._writer.write(fields)
        size = len(body)
        self.out += (len(block).to_bytes(3, "big"), _HEADERS_OPEN if size else _HEADERS_END, name, block)
        if size > self._window or size > self._stream_window or size > self._frame_bytes:
            stream.rest = memoryview(body)
            self._send_rest(stream_id, stream)
        elif size:
            self._window -= size
            stream.window -= size
            self.out += (size.to_bytes(3, "big"), _DATA_END, name, body)

    def open_waiting(self) -> None:
        """Send requests that waited, as many as the peer takes now."""
        while self.waiting and len(self.streams) < self._most_streams:
            self.request(*self.waiting.popleft())

    def widen(self, stream_id: int, size: int) -> None:
        """Send what a larger window lets out: of one stream, or of all for stream 0.

        Raises:
            ProtocolError: the window is larger than HTTP/2 allows.
        """
        stream = self.streams.get(stream_id)
        if stream_id == 0:
            self._window += size
            if self._window > frames.LARGEST_WINDOW:
                raise ProtocolError("a window above 2**31 - 1 bytes", code=frames.FLOW_CONTROL_ERROR)
            self.send_rests()
        elif stream is not None:
            stream.window += size
            self._send_rest(stream_id, stream)

    def send_rests(self) -> None:
        """Send of all bodies what their windows allow."""
        for stream_id, stream in self.streams.items():
            if stream.rest:
                self._send_rest(stream_id, stream)

    def _send_rest(self, stream_id: int, stream: Stream) -> None:
        view = stream.rest
        while view:
            room = min(self._window, stream.window, self._frame_bytes)
            if room <= 0:
                break
            part, view = view[:room], view[room:]
            self._window -= len(part)
            stream.window -= len(part)
            self.out.append(frames.frame(frames.DATA, 0 if view else frames.END_STREAM, stream_id, bytes(part)))
        stream.rest = view

    def set(self, key: int, value: int) -> None:
        """Keep to a setting of the peer.

        Raises:
            ProtocolError: a value that HTTP/2 does not allow.
        """
        if key == frames.INITIAL_WINDOW_SIZE:
            if value > frames.LARGEST_WINDOW:
                raise ProtocolError(f"an initial window of {value} bytes", code=frames.FLOW_CONTROL_ERROR)
            for stream in self.streams.values():
                stream.window += value - self._stream_window
            self._stream_window = value
        elif key == frames.MAX_FRAME_SIZE:
            if not frames.LEAST_FRAME_BYTES <= value <= frames.LARGEST_FRAME_BYTES:
                raise ProtocolError(f"a largest frame of {value} bytes")
            self._frame_bytes = value
        elif key == frames.MAX_CONCURRENT_STREAMS:
            self._most_streams = value
        elif key == frames.HEADER_TABLE_SIZE:
            self._writer.table_size(value)

    def tags(self) -> Iterator[Any]:
        """Yield the tags of all requests that are not over, in the order they were given."""
        yield from (stream.tag for stream in self.streams.values())
        yield from (entry[0] for entry in self.waiting)

    def cancel(self, tag: Any) -> bool:
        """Give a request up; return whether it was in flight or waiting. It will not come back as ended."""
        for stream_id, stream in self.streams.items():
            if stream.tag is tag:
                del self.streams[stream_id]
                self.out.append(frames.rst_stream(stream_id, frames.CANCEL))
                return True
        for entry in self.waiting:
            if entry[0] is tag:
                self.waiting.remove(entry)
                return True
        return False
