"""The client's side of HTTP/2, against the independent implementation ``h2`` as the server, in memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.load.engines.http2 import Connection, ProtocolError, frames

if TYPE_CHECKING:
    from collections.abc import Callable

FIELDS = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/tensorflow.serving.PredictionService/Predict"),
    (":authority", "127.0.0.1:8500"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
)
OTHER_FIELDS = (*FIELDS[:2], (":path", "/other"), *FIELDS[3:], ("x-id", "7"))


class Server:
    """An h2 server that answers each request with its own body, in the way that a test tells it to."""

    def __init__(self, **values: int) -> None:
        """Send the settings given, by their names in ``SettingCodes``."""
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.local_settings = h2.settings.Settings(
            client=False, initial_values={h2.settings.SettingCodes[name]: value for name, value in values.items()}
        )
        self.h2.initiate_connection()
        self.bodies: dict[int, bytes] = {}
        self.headers: dict[int, list[tuple[str, str]]] = {}
        self.events: list[h2.events.Event] = []
        self.answer: Callable[[int], None] = self.echo

    def take(self, data: bytes) -> bytes:
        """Read what the client sent and return what there is to say."""
        for event in self.h2.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.RequestReceived):
                self.headers[event.stream_id] = list(event.headers)
                self.bodies[event.stream_id] = b""
            elif isinstance(event, h2.events.DataReceived):
                self.bodies[event.stream_id] += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.answer(event.stream_id)
        return self.h2.data_to_send()

    def echo(self, stream: int, *, status: str = "0", pad: int | None = None, **trailers: str) -> None:
        """Answer with the request's body and a ``grpc-status``."""
        self.h2.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        body = self.bodies[stream]
        for start in range(0, len(body), 10_000):
            self.h2.send_data(stream, body[start : start + 10_000], pad_length=pad)
        self.h2.send_headers(stream, [("grpc-status", status), *trailers.items()], end_stream=True)


class Client(Connection):
    """A connection whose pool of requests grows as they are asked."""

    def __init__(self, *, keeps: bool = False) -> None:
        """Keep the bodies of all answers, or of none."""
        self.pool: list[tuple[tuple[tuple[str, str], ...], bytes]] = []
        self.keeps = keeps
        super().__init__(self.pool)

    def ask(self, tag: Any, fields: tuple[tuple[str, str], ...], body: bytes) -> None:
        """Send a request."""
        if (fields, body) not in self.pool:
            self.pool.append((fields, body))
        self.request(tag, self.pool.index((fields, body)), self.keeps)


def _talk(client: Connection, server: Server, *, step: int = 0) -> list[Any]:
    """Let both say all they have, in pieces of ``step`` bytes, and return the requests that ended."""
    ended = []
    while client.out:
        said = b"".join(client.out)
        client.out.clear()
        heard = server.take(said)
        for start in range(0, len(heard), step or len(heard) or 1):
            ended += client.receive(heard[start : start + (step or len(heard))])
    return ended


def test_an_answer_brings_status_and_size_back_with_the_tag() -> None:
    """A call that is answered ends once, with gRPC's status, HTTP's, the size, and the caller's tag."""
    client, server = Client(), Server()
    client.ask("mine", FIELDS, b"x" * 100)
    (ended,) = _talk(client, server)
    assert (ended.tag, ended.head.grpc_status, ended.http_status, ended.size) == ("mine", 0, 200, 100)
    assert (ended.error, ended.refused, ended.body) == (None, False, b"")
    assert server.headers[1] == [*FIELDS]
    assert client.in_flight == 0


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 20_000), min_size=1, max_size=5),
    step=st.sampled_from([0, 1, 7, 1000, 70_000]),
    window=st.integers(1, 70_000),
    most=st.integers(1, 9),
    table=st.sampled_from([0, 64, 4096]),
)
def test_any_number_of_requests_of_any_size_pass_whole(
    sizes: list[int], step: int, window: int, most: int, table: int
) -> None:
    """Whatever windows, limits and pieces: every body arrives whole, and comes back whole."""
    client = Client(keeps=True)
    server = Server(INITIAL_WINDOW_SIZE=window, MAX_CONCURRENT_STREAMS=most, HEADER_TABLE_SIZE=table)
    client.receive(server.take(b"".join(client.out)))
    client.out.clear()
    bodies = {number: bytes([number]) * size for number, size in enumerate(sizes)}
    for number, body in bodies.items():
        client.ask(number, FIELDS if number % 3 else OTHER_FIELDS, body)
    ended = _talk(client, server, step=step)
    assert {one.tag: one.body for one in ended} == bodies
    assert (client.in_flight, client.waiting) == (0, 0)


def test_no_more_streams_are_open_than_the_peer_takes() -> None:
    """Requests above MAX_CONCURRENT_STREAMS wait, and leave as soon as others end."""
    client, server = Client(), Server(MAX_CONCURRENT_STREAMS=2)
    _talk(client, server)
    held: list[int] = []
    server.answer = held.append
    for number in range(5):
        client.ask(number, FIELDS, b"x")
    _talk(client, server)
    assert (client.in_flight, client.waiting, len(held)) == (2, 3, 2)
    server.answer = server.echo
    for stream in held:
        server.echo(stream)
    ended = client.receive(server.h2.data_to_send()) + _talk(client, server)
    assert sorted(one.tag for one in ended) == [0, 1, 2, 3, 4]


def test_errors_bring_code_and_text() -> None:
    """A status that is not OK comes with its decoded message, also without any body before it."""
    client, server = Client(), Server()
    server.answer = lambda stream: server.h2.send_headers(
        stream, [(":status", "200"), ("grpc-status", "5"), ("grpc-message", "no%20such m%C3%B6del")], end_stream=True
    )
    client.ask("mine", FIELDS, b"x")
    (ended,) = _talk(client, server)
    assert (ended.head.grpc_status, ended.head.message, ended.size) == (5, "no such mödel", 0)


def test_padding_is_no_part_of_the_answer() -> None:
    """Padded frames count by what they hold."""
    client, server = Client(keeps=True), Server()
    server.answer = lambda stream: server.echo(stream, pad=200)
    client.ask("mine", FIELDS, b"y" * 25_000)
    (ended,) = _talk(client, server)
    assert (ended.size, ended.body) == (25_000, b"y" * 25_000)


def test_header_blocks_go_on_in_further_frames() -> None:
    """A block larger than a frame arrives in CONTINUATION frames and is read as one."""
    client, server = Client(), Server()
    server.answer = lambda stream: server.echo(stream, **{"x-long": "z" * 40_000})
    client.ask("mine", FIELDS, b"x")
    (ended,) = _talk(client, server, step=1000)
    assert ended.head.grpc_status == 0


def test_answers_that_change_the_header_table_are_read_right() -> None:
    """Header values that differ from answer to answer never take on those of an earlier one."""
    client, server = Client(), Server()
    statuses = [str(number % 17) for number in range(200)]
    server.answer = lambda stream: server.echo(stream, status=statuses[(stream - 1) // 2], **{"x-n": str(stream)})
    seen = []
    for number in range(200):
        client.ask(number, FIELDS, b"x")
        seen += [str(one.head.grpc_status) for one in _talk(client, server)]
    assert seen == statuses


def test_pings_and_settings_are_acknowledged() -> None:
    """The peer's PING and SETTINGS are answered, whenever they come."""
    client, server = Client(), Server()
    client.ask("mine", FIELDS, b"x")
    _talk(client, server)
    server.h2.ping(b"12345678")
    server.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 10})
    client.receive(server.h2.data_to_send())
    _talk(client, server)
    kinds = {type(event) for event in server.events}
    assert h2.events.PingAckReceived in kinds
    assert h2.events.SettingsAcknowledged in kinds


def test_a_smaller_window_holds_back_what_is_not_sent_yet() -> None:
    """After SETTINGS has made windows smaller, nothing leaves until they are positive again; then all does."""
    client, server = Client(), Server(INITIAL_WINDOW_SIZE=1000)
    _talk(client, server)
    client.ask("mine", FIELDS, b"x" * 2000)
    said = b"".join(client.out)
    client.out.clear()
    client.receive(frames.settings({frames.INITIAL_WINDOW_SIZE: 10}))
    client.out.clear()
    assert client.receive(frames.window_update(1, 980)) == []
    assert client.out == []
    client.receive(frames.window_update(1, 20 + 990))
    assert sum(len(part) for part in client.out) == 9 + 1000
    assert len(said) > 1000


def test_a_reset_stream_ends_with_its_code() -> None:
    """RST_STREAM ends the request; a refused one may be sent again."""
    client, server = Client(), Server()
    codes = {1: h2.errors.ErrorCodes.CANCEL, 3: h2.errors.ErrorCodes.REFUSED_STREAM}
    server.answer = lambda stream: server.h2.reset_stream(stream, codes[stream])
    client.ask("first", FIELDS, b"x")
    client.ask("second", FIELDS, b"x")
    first, second = _talk(client, server)
    assert (first.tag, first.error, first.refused, first.head) == ("first", 8, False, None)
    assert (second.tag, second.error, second.refused) == ("second", 7, True)


def test_goaway_returns_what_was_not_looked_at() -> None:
    """Requests above GOAWAY's last stream come back as refused; those below it are still answered."""
    client, server = Client(), Server()
    held: list[int] = []
    server.answer = held.append
    client.ask("seen", FIELDS, b"x")
    client.ask("unseen", FIELDS, b"x")
    _talk(client, server)
    goaway = frames.frame(frames.GOAWAY, 0, 0, struct.pack(">II", 1, 0))
    (unseen,) = client.receive(goaway)
    assert (unseen.tag, unseen.refused, client.goes_away, client.in_flight) == ("unseen", True, True, 1)
    server.echo(1)
    (seen,) = client.receive(server.h2.data_to_send())
    assert (seen.tag, seen.head.grpc_status) == ("seen", 0)


def test_a_request_that_was_given_up_does_not_come_back() -> None:
    """What is late is reset, oldest first, and an answer to it is no error."""
    client, server = Client(), Server()
    server.answer = lambda _: None
    for tag in (1, 2, 3):
        client.ask(tag, FIELDS, b"x")
    _talk(client, server)
    assert client.give_up(lambda tag: tag < 3) == [1, 2]
    assert client.give_up(lambda tag: tag < 3) == []
    late = frames.frame(frames.DATA, 0, 1, b"late")
    assert client.receive(late) == []
    server.take(b"".join(client.out))
    assert [event.stream_id for event in server.events if isinstance(event, h2.events.StreamReset)] == [1, 3]
    assert list(client.tags()) == [3]


def test_requests_that_were_given_up_make_room() -> None:
    """Where the peer takes one at a time, giving up the one that hangs sends the next; one that waits just goes."""
    client, server = Client(), Server(MAX_CONCURRENT_STREAMS=1)
    server.answer = lambda _: None
    _talk(client, server)
    for tag in (1, 2, 3, 4):
        client.ask(tag, FIELDS, b"x")
    _talk(client, server)
    server.answer = server.echo
    assert client.give_up(lambda tag: tag < 2) == [1]
    assert [one.tag for one in _talk(client, server)] == [2, 3, 4]
    client.ask(5, FIELDS, b"x")
    client.ask(6, FIELDS, b"x")
    assert client.give_up(lambda _: True) == [5, 6]
    assert (client.in_flight, client.waiting) == (0, 0)


def test_no_request_leaves_before_the_peer_has_said_how_many_it_takes() -> None:
    """Until the server's settings have come, requests wait; so none is refused for being one too many."""
    client, server = Client(), Server(MAX_CONCURRENT_STREAMS=2)
    for tag in range(5):
        client.ask(tag, FIELDS, b"x")
    assert (client.in_flight, client.waiting) == (0, 5)
    assert sorted(one.tag for one in _talk(client, server)) == [0, 1, 2, 3, 4]
    assert not any(isinstance(event, h2.events.StreamReset) for event in server.events)


def test_a_body_is_not_sent_on_after_its_answer() -> None:
    """An answer before the whole body has left ends the request; the peer is told not to wait for the rest."""
    client, server = Client(), Server(INITIAL_WINDOW_SIZE=10)
    _talk(client, server)
    client.ask("mine", FIELDS, b"x" * 100)
    server.take(b"".join(client.out))
    client.out.clear()
    server.h2.send_headers(1, [(":status", "200"), ("grpc-status", "8")], end_stream=True)
    (ended,) = client.receive(server.h2.data_to_send())
    assert (ended.head.grpc_status, client.in_flight) == (8, 0)
    server.take(b"".join(client.out))
    assert any(isinstance(event, h2.events.StreamReset) for event in server.events)
    client.out.clear()
    client.receive(frames.window_update(1, 100) + frames.window_update(0, 100))
    assert client.out == []


def test_a_connection_whose_stream_ids_come_to_their_end_takes_no_more() -> None:
    """Ids end at 2**31: before that a fresh connection is asked for."""
    client = Client()
    assert not client.goes_away
    client._sender.next_id = 2**31 - 2**24 + 1
    assert client.goes_away


def test_an_endless_stream_of_answers_never_fills_our_window() -> None:
    """Before two gibibytes have been taken the peer is told that it may go on."""
    client, server = Client(), Server()
    client.ask("mine", FIELDS, b"x")
    server.answer = lambda _: None
    _talk(client, server)
    head = server.h2
    head.send_headers(1, [(":status", "200")])
    client.receive(head.data_to_send())
    part = frames.frame(frames.DATA, 0, 1, bytes(2**20))
    told = 0
    for _ in range(1100):
        client.receive(part)
        told += sum(int.from_bytes(one[9:13], "big") for one in client.out)
        client.out.clear()
    assert told > 2**30


_SETTINGS = frames.settings({})
_BAD = {
    "HTTP/1.1": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no settings first": frames.frame(frames.PING, 0, 0, bytes(8)),
    "settings of 5 bytes": frames.frame(frames.SETTINGS, 0, 0, bytes(5)),
    "settings on a stream": frames.frame(frames.SETTINGS, 0, 1),
    "acknowledgement with content": frames.frame(frames.SETTINGS, frames.ACK, 0, bytes(6)),
    "window above 2**31": frames.settings({frames.INITIAL_WINDOW_SIZE: 2**31}),
    "frame size below 16384": frames.settings({frames.MAX_FRAME_SIZE: 100}),
    "ping of 7 bytes": _SETTINGS + frames.frame(frames.PING, 0, 0, bytes(7)),
    "data of an unopened stream": _SETTINGS + frames.frame(frames.DATA, 0, 9, b"x"),
    "data of stream 0": _SETTINGS + frames.frame(frames.DATA, 0, 0, b"x"),
    "data of an even stream": _SETTINGS + frames.frame(frames.DATA, 0, 2, b"x"),
    "reset of 3 bytes": _SETTINGS + frames.frame(frames.RST_STREAM, 0, 1, bytes(3)),
    "more padding than payload": _SETTINGS + frames.frame(frames.DATA, frames.PADDED, 1, b"\x05abc"),
    "padding without payload": _SETTINGS + frames.frame(frames.DATA, frames.PADDED, 1),
    "damaged header block": _SETTINGS + frames.frame(frames.HEADERS, frames.END_HEADERS, 1, b"\xff\xff\xff\xff\xff"),
    "block cut by another frame": (
        _SETTINGS + frames.frame(frames.HEADERS, 0, 1, b"\x88") + frames.frame(frames.DATA, 0, 1, b"x")
    ),
    "continuation of nothing": _SETTINGS + frames.frame(frames.CONTINUATION, frames.END_HEADERS, 1, b"\x88"),
    "continuation of another stream": (
        _SETTINGS + frames.frame(frames.HEADERS, 0, 1, b"\x88") + frames.frame(frames.CONTINUATION, 4, 3, b"\x88")
    ),
    "endless header block": (
        _SETTINGS + frames.frame(frames.HEADERS, 0, 1) + frames.frame(frames.CONTINUATION, 0, 1, bytes(2**20)) * 2
    ),
    "push": _SETTINGS + frames.frame(frames.PUSH_PROMISE, 4, 1, bytes(4)),
    "goaway of 4 bytes": _SETTINGS + frames.frame(frames.GOAWAY, 0, 0, bytes(4)),
    "window overflow": _SETTINGS + frames.window_update(0, 2**31 - 1),
    "frame beyond our limit": _SETTINGS + struct.pack(">IBI", (2**21) << 8, 0, 1),
}


def _feed(client: Connection, data: bytes, step: int) -> None:
    for start in range(0, len(data), step):
        client.receive(data[start : start + step])


@pytest.mark.parametrize("data", _BAD.values(), ids=_BAD.keys())
def test_a_peer_that_breaks_the_rules_is_told_apart(data: bytes) -> None:
    """Each breach is a ProtocolError, whole or in pieces, and what was in flight can be accounted for."""
    for step in (len(data), 1 if len(data) < 10_000 else 10_000):
        client = Client()
        client.ask("mine", FIELDS, b"x")
        with pytest.raises(ProtocolError):
            _feed(client, data, step)
        assert client.abandon() == ["mine"]


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_random_bytes_end_in_nothing_or_in_a_protocol_error(data: bytes) -> None:
    """No bytes bring the connection to another exception."""
    client = Client()
    client.ask("mine", FIELDS, b"x")
    for start in (b"", _SETTINGS):
        try:
            client.receive(start + data)
        except ProtocolError:
            return


def test_unknown_frames_are_passed_over() -> None:
    """A frame of a type that HTTP/2 does not know changes nothing."""
    client, server = Client(), Server()
    client.ask("mine", FIELDS, b"x")
    client.receive(_SETTINGS + frames.frame(0xEE, 0xFF, 77, b"??"))
    (ended,) = _talk(client, server)
    assert ended.head.grpc_status == 0


def test_requests_with_fields_of_their_own_are_encoded_once_each() -> None:
    """Fields that stay out of the tables, all different, arrive as they are, and no later pass encodes them again."""
    client, server = Client(), Server()
    own = [(*FIELDS, hpack.NeverIndexedHeaderTuple("x-id", f"{number:04}" * 20)) for number in range(100)]
    for number, fields in enumerate([*own, *own[:2]]):
        client.ask(number, fields, b"x")  # type: ignore[arg-type] # a header tuple is a pair
        _talk(client, server)
    assert [server.headers[stream][-1][1] for stream in sorted(server.headers)][:100] == [each[-1][1] for each in own]
    client._sender._writer = None  # type: ignore[assignment] # nobody is to write with it
    for number, fields in enumerate(own):
        client.ask(number, fields, b"x")  # type: ignore[arg-type]
    assert len(_talk(client, server)) == 100
