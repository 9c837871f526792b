"""The client's side of HTTP/2 against header tables that move and conversations that were damaged, in memory."""

from __future__ import annotations

import random
from typing import Any

import h2.errors
import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.load.engines.http2 import Connection, ProtocolError, connection, frames
from harness.load.engines.http2.headers import HeaderReader
from tests.unit.load.test_http2_connection import FIELDS, Server

_REQUESTS = 12
_MUTATIONS = 2_000
_MOST_SENT_BYTES = 1_000_000  # what a client may say to some kilobytes: its requests, acknowledgements and resets

_NAMES = (":status", "grpc-status", "grpc-message", "x-id")
_fields = st.lists(
    st.tuples(st.sampled_from(_NAMES), st.sampled_from(("0", "13", "200", "x" * 30, "y" * 90))), max_size=4
)
_steps = st.lists(
    st.one_of(_fields, st.sampled_from((0, 40, 64, 100, 200, 4096))),
    max_size=60,
)


@given(_steps)
@settings(max_examples=200, deadline=None)
def test_no_remembered_block_takes_on_another_meaning(steps: list[Any]) -> None:
    """Whatever enters and leaves the table, and however its size changes: a block means what hpack says, each time."""
    encoder, plain, reader = hpack.Encoder(), hpack.Decoder(), HeaderReader()
    for step in steps:
        if isinstance(step, int):
            if step != encoder.header_table_size:  # hpack's encoder keeps quiet of a change if told the same size twice
                encoder.header_table_size = step
            continue
        for _ in range(3):  # the later ones refer to the table alone, as servers' blocks do
            block = bytes(encoder.encode(step))
            expected: dict[Any, Any] = dict(plain.decode(block))
            head = reader.known.get(block) or reader.read(block)
            status, code = expected.get(":status"), expected.get("grpc-status")
            assert head.http_status == (int(status) if status and status.isdigit() else None)
            assert head.grpc_status == (int(code) if code and code.isdigit() else None)
            assert head.message == expected.get("grpc-message", "")


def _client() -> Connection:
    client = Connection([(FIELDS, bytes(100 * number)) for number in range(_REQUESTS)])
    for number in range(_REQUESTS):
        client.request(number, number, number % 2 == 0)
    return client


def _recorded() -> list[bytes]:
    """Return the frames that an h2 server sends in answer to ``_client``: plain, padded, failed and reset calls."""
    server, client, said = Server(MAX_CONCURRENT_STREAMS=_REQUESTS), _client(), b""

    def answer(stream: int) -> None:
        if stream % 10 == 9:
            server.h2.reset_stream(stream, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
        else:
            server.echo(stream, pad=stream if stream % 3 else None, status=str(stream % 5), **{"x-id": str(stream)})

    server.answer = answer
    while client.out:
        heard = server.take(b"".join(client.out))
        client.out.clear()
        said += heard
        client.receive(heard)
    server.h2.ping(bytes(8))
    server.h2.close_connection(last_stream_id=2 * _REQUESTS)
    return _frames(said + server.h2.data_to_send())


def _frames(data: bytes) -> list[bytes]:
    found = []
    while data:
        size = 9 + int.from_bytes(data[:3], "big")
        found.append(data[:size])
        data = data[size:]
    return found


def _flip(chance: random.Random, said: list[bytes]) -> None:
    at = chance.randrange(len(said))
    damaged = bytearray(said[at])
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    said[at] = bytes(damaged)


def _drop(chance: random.Random, said: list[bytes]) -> None:
    del said[chance.randrange(len(said))]


def _repeat(chance: random.Random, said: list[bytes]) -> None:
    said.insert(chance.randrange(len(said) + 1), chance.choice(said))


def _swap(chance: random.Random, said: list[bytes]) -> None:
    one, other = chance.randrange(len(said)), chance.randrange(len(said))
    said[one], said[other] = said[other], said[one]


def _cut(chance: random.Random, said: list[bytes]) -> None:
    at = chance.randrange(len(said))
    said[at] = said[at][: chance.randrange(1, 1 + len(said[at]))]  # an empty frame could not be damaged again


def _add(chance: random.Random, said: list[bytes]) -> None:
    kind, flags, stream = chance.randrange(12), chance.choice((0, 1, 4, 5, 8, 32)), chance.randrange(2 * _REQUESTS)
    extra = frames.frame(kind, flags, chance.choice((0, stream)), chance.randbytes(chance.choice((0, 4, 6, 8, 20))))
    said.insert(chance.randrange(1, len(said) + 1), extra)


_DAMAGES = (_flip, _flip, _drop, _repeat, _swap, _cut, _add)


def _heard(client: Connection, data: bytes, chance: random.Random) -> list[Any]:
    """Let a client hear all of it in pieces, and return the tags it gives back, lost ones last."""
    ended, sent = [], 0
    try:
        while data:
            size = chance.choice((1, 9, 50, 5_000))
            ended += client.receive(data[:size])
            data = data[size:]
            sent += sum(map(len, client.out))
            client.out.clear()
    except ProtocolError:
        ended += client.take_ended()
    assert sent < _MOST_SENT_BYTES
    return [one.tag for one in ended] + client.abandon()


@pytest.mark.parametrize("part", range(4))
def test_a_damaged_conversation_accounts_for_every_request_once(part: int) -> None:
    """However a conversation is damaged: it ends, in a ProtocolError at worst, and each request comes back once."""
    recorded = _recorded()
    for seed in range(part, _MUTATIONS, 4):
        chance = random.Random(seed)  # noqa: S311 - the corpus is the same each time
        said = list(recorded)
        for _ in range(chance.randrange(1, 5)):
            chance.choice(_DAMAGES)(chance, said)
        tags = _heard(_client(), b"".join(said), chance)
        assert sorted(tags) == list(range(_REQUESTS)), f"seed {seed}"


@pytest.mark.parametrize("code", [*frames.ERROR_NAMES, 99])
def test_each_reset_code_ends_one_request_and_only_a_refusal_is_sent_again(code: int) -> None:
    """RST_STREAM of every code, an unknown one too, ends its request once; only REFUSED_STREAM may be repeated."""
    client = _client()
    data = frames.settings({}) + frames.rst_stream(3, code) * 2
    ended = client.receive(data)
    assert [(one.tag, one.error, one.refused) for one in ended] == [(1, code, code == int(h2.errors.ErrorCodes(7)))]


@pytest.mark.parametrize("large", [0, 2**31 - 1])
def test_a_wrong_window_of_one_stream_ends_that_request(large: int) -> None:
    """An increment of 0, or one beyond 2**31 - 1 bytes, resets the stream; the others and the connection go on."""
    client = Connection([(FIELDS, bytes(2**17))] * 2)
    client.receive(frames.settings({frames.INITIAL_WINDOW_SIZE: 10}))
    client.request("a", 0)
    client.request("b", 1)
    client.out.clear()
    ended = client.receive(frames.window_update(1, large) * 2)
    code = frames.FLOW_CONTROL_ERROR if large else frames.PROTOCOL_ERROR
    assert [(one.tag, one.error) for one in ended] == [("a", code)]
    assert frames.rst_stream(1, code) in client.out
    assert list(client.tags()) == ["b"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frames.window_update(0, 0), frames.PROTOCOL_ERROR),
        (frames.window_update(0, 2**31 - 1), frames.FLOW_CONTROL_ERROR),
        (frames.window_update(9, 1), frames.PROTOCOL_ERROR),
        (frames.window_update(1, 2**30) + frames.settings({frames.INITIAL_WINDOW_SIZE: 2**31 - 1}), 3),
        (frames.frame(frames.HEADERS, 0, 1) + frames.frame(frames.CONTINUATION, 0, 1) * 1_001, frames.PROTOCOL_ERROR),
    ],
    ids=["none", "too much", "of an idle stream", "too much by settings", "empty continuations"],
)
def test_what_breaks_the_rules_for_all_ends_the_connection(said: bytes, code: int) -> None:
    """Windows of the whole connection, or of streams that nobody opened, and header blocks that never end."""
    client = Connection([(FIELDS, bytes(2**17))])
    client.receive(frames.settings({frames.INITIAL_WINDOW_SIZE: 10}))
    client.request("a", 0)
    with pytest.raises(ProtocolError) as caught:
        client.receive(said)
    assert caught.value.code == code
    assert client.abandon() == ["a"]


def test_more_data_than_our_window_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream's window is never renewed: an answer larger than it is more than the peer may send."""
    monkeypatch.setattr(connection, "_RENEW_AT_BYTES", 50_000)
    monkeypatch.setattr(frames, "LARGEST_WINDOW", 100_000)
    client = _client()
    client.receive(frames.settings({}))
    data = frames.frame(frames.DATA, 0, 1, bytes(60_000))
    client.receive(data)
    with pytest.raises(ProtocolError, match="than our window has room for") as caught:
        client.receive(data)
    assert caught.value.code == frames.FLOW_CONTROL_ERROR
