"""What leaves a connection: requests, as far as the peer's windows and its limit of streams allow.

What differs between two sendings of a request is its stream id alone. So each request's header block, the frame headers
and the body lie ready, and are encoded again only when the peer asks for other tables.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.load.engines.http2 import frames
from harness.load.engines.http2.errors import ProtocolError
from harness.load.engines.http2.headers import Head, HeaderWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.load.engines.http2.headers import Fields

__all__ = ["OUR_FRAME_BYTES", "Sender", "Stream"]

OUR_FRAME_BYTES = 2**20
_LAST_IDS = 2**31 - 2**24  # from here on a fresh connection is due: ids end at 2**31
_DATA_END = bytes((frames.DATA, frames.END_STREAM))
_HEADERS = bytes((frames.HEADERS, frames.END_HEADERS))


class Stream:
    """A request in flight, and what has come of its answer."""

    # What most requests never change stands here once, not in every object.
    size = 0
    http_status = 0
    head: Head | None = None
    body: list[bytes] | None = None
    first = b""

    def __init__(self, tag: Any) -> None:
        """Begin with nothing of the answer."""
        self.tag = tag


class _Ready(NamedTuple):
    """A request as it is sent: the parts between which the stream id stands, the body, and the body's size."""

    before: bytes
    between: bytes
    body: bytes
    size: int


class _Rest:
    """What of a body waits for the peer's windows."""

    def __init__(self, view: memoryview, window: int) -> None:
        self.view = view
        self.window = window


class Sender:
    """Opens streams and sends bodies.

    Attributes:
        out: what is to be sent, in order.
        streams: the requests in flight, by stream id, in the order they were opened.
        waiting: requests that wait for the peer to take more at a time: tag, number, whether to keep the answer.
        rests: what of requests' bodies is not sent yet, by stream id.
        next_id: the id of the next stream.
    """

    def __init__(self, requests: Sequence[tuple[Fields, bytes]]) -> None:
        """Put the preface, our settings and our window into ``out``."""
        ours = {
            frames.ENABLE_PUSH: 0,
            frames.INITIAL_WINDOW_SIZE: frames.LARGEST_WINDOW,
            frames.MAX_FRAME_SIZE: OUR_FRAME_BYTES,
        }
        whole = frames.window_update(0, frames.LARGEST_WINDOW - frames.INITIAL_WINDOW)
        self.out: list[bytes] = [frames.PREFACE, frames.settings(ours), whole]
        self.streams: dict[int, Stream] = {}
        self.waiting: deque[tuple[Any, int, bool]] = deque()
        self.rests: dict[int, _Rest] = {}
        self.next_id = 1
        self._requests = requests
        self._writer = HeaderWriter()
        self._ready: dict[int, _Ready] = {}
        self._window, self._stream_window = frames.INITIAL_WINDOW, frames.INITIAL_WINDOW
        self._frame_bytes = self._at_once = frames.LEAST_FRAME_BYTES
        self._most_streams = 0  # until the peer's settings say otherwise, and at once if they say nothing of it

    def request(self, tag: Any, number: int, keeps: bool = False) -> None:  # noqa: FBT001,FBT002 - in a hurry
        """Send a request, or let it wait until the peer takes more at a time.

        Args:
            tag: comes back in ``Ended``.
            number: which of the requests.
            keeps: whether the answer's body is wanted.
        """
        if len(self.streams) >= self._most_streams:
            self.waiting.append((tag, number, keeps))
            return
        stream_id = self.next_id
        self.next_id = stream_id + 2
        stream = self.streams[stream_id] = Stream(tag)
        if keeps:
            stream.body = []
        name = stream_id.to_bytes(4, "big")
        before, between, body, size = self._ready.get(number) or self._prepared(number)
        if size <= self._at_once and size <= self._window:
            self._window -= size
            self.out += (before, name, between, name, body)
        else:
            self._begin(stream_id, before, between, body)

    def _prepared(self, number: int) -> _Ready:
        fields, body = self._requests[number]
        block, lasts = self._writer.write(fields)
        data = len(body).to_bytes(3, "big") + _DATA_END if len(body) <= frames.LARGEST_FRAME_BYTES else b""
        ready = _Ready(len(block).to_bytes(3, "big") + _HEADERS, block + data, body, len(body))
        if lasts is None:
            self._ready.clear()  # the table's entries, which their blocks refer to, have moved
        elif lasts:
            self._ready[number] = ready
        return ready

    def _begin(self, stream_id: int, before: bytes, between: bytes, body: bytes) -> None:
        """Send a request whose body does not fit into one frame, or into the windows."""
        block_bytes = int.from_bytes(before[:3], "big")
        self.out += (before, stream_id.to_bytes(4, "big"), between[:block_bytes])
        self.rests[stream_id] = _Rest(memoryview(body), self._stream_window)
        self._send_rest(stream_id)

    def open_waiting(self) -> None:
        """Send requests that waited, as many as the peer takes now."""
        while self.waiting and len(self.streams) < self._most_streams:
            self.request(*self.waiting.popleft())

    def widen(self, stream_id: int, size: int) -> bool:
        """Send what a larger window lets out: of one stream, or of all for 0; return False if a stream's is too large.

        Raises:
            ProtocolError: the window of all is larger than HTTP/2 allows.
        """
        if stream_id == 0:
            self._window += size
            if self._window > frames.LARGEST_WINDOW:
                raise ProtocolError("a window above 2**31 - 1 bytes", code=frames.FLOW_CONTROL_ERROR)
            self.send_rests()
        elif stream_id in self.rests:
            rest = self.rests[stream_id]
            if rest.window + size > frames.LARGEST_WINDOW:
                return False
            rest.window += size
            self._send_rest(stream_id)
        return True

    def send_rests(self) -> None:
        """Send of all bodies what their windows allow."""
        for stream_id in list(self.rests):
            self._send_rest(stream_id)

    def _send_rest(self, stream_id: int) -> None:
        rest = self.rests[stream_id]
        while rest.view:
            room = min(self._window, rest.window, self._frame_bytes)
            if room <= 0:
                return
            part, rest.view = rest.view[:room], rest.view[room:]
            self._window -= len(part)
            rest.window -= len(part)
            flags = 0 if rest.view else frames.END_STREAM
            self.out.append(frames.frame(frames.DATA, flags, stream_id, bytes(part)))
        del self.rests[stream_id]

    def drop_rests(self) -> None:
        """Send no more of bodies whose requests are over; tell the peer so that it does not wait for them."""
        for stream_id in [each for each in self.rests if each not in self.streams]:
            del self.rests[stream_id]
            self.out.append(frames.rst_stream(stream_id, frames.CANCEL))

    def set(self, key: int, value: int) -> None:
        """Keep to a setting of the peer.

        Raises:
            ProtocolError: a value that HTTP/2 does not allow.
        """
        if key == frames.INITIAL_WINDOW_SIZE:
            if value > frames.LARGEST_WINDOW:
                raise ProtocolError(f"an initial window of {value} bytes", code=frames.FLOW_CONTROL_ERROR)
            for rest in self.rests.values():
                rest.window += value - self._stream_window
                if rest.window > frames.LARGEST_WINDOW:
                    raise ProtocolError("a window above 2**31 - 1 bytes", code=frames.FLOW_CONTROL_ERROR)
            self._stream_window = value
        elif key == frames.MAX_FRAME_SIZE:
            if not frames.LEAST_FRAME_BYTES <= value <= frames.LARGEST_FRAME_BYTES:
                raise ProtocolError(f"a largest frame of {value} bytes")
            self._frame_bytes = value
        elif key == frames.MAX_CONCURRENT_STREAMS:
            self._most_streams = value
        elif key == frames.HEADER_TABLE_SIZE and self._writer.table_size(value):
            self._ready.clear()
        self._at_once = min(self._stream_window, self._frame_bytes)

    def set_first(self) -> None:
        """Let requests leave: the peer's first settings are coming, and limit them only if they say so."""
        self._most_streams = frames.LARGEST_WINDOW

    @property
    def is_spent(self) -> bool:
        """Whether the ids of streams come to their end."""
        return self.next_id > _LAST_IDS

    def tags(self) -> Iterator[Any]:
        """Yield the tags of all requests that are not over, in the order they were given."""
        yield from (stream.tag for stream in self.streams.values())
        yield from (entry[0] for entry in self.waiting)

    def give_up(self, is_late: Callable[[Any], bool]) -> list[Any]:
        """Give requests up, oldest first, as long as they are late, and return their tags: they will not end."""
        late = []
        for stream_id, stream in self.streams.items():
            if not is_late(stream.tag):
                break
            late.append((stream_id, stream.tag))
        for stream_id, _ in late:
            del self.streams[stream_id]
            self.rests.pop(stream_id, None)
            self.out.append(frames.rst_stream(stream_id, frames.CANCEL))
        tags = [tag for _, tag in late]
        while self.waiting and is_late(self.waiting[0][0]):
            tags.append(self.waiting.popleft()[0])
        self.open_waiting()
        return tags
