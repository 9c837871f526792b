"""The REST engine's link against damaged conversations, without sockets."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING, Any

import pytest

from harness.load.engines import rest_wire
from harness.load.engines.wire import LinkLostError, Peer, Ticket, link

if TYPE_CHECKING:
    from collections.abc import Callable

_MUTATIONS = 500
_RECORDED = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{"predictions": [1.5]}',
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a;x=y\r\n"
        b"abcdefghijklmnopqrstuvwxyz\r\n0\r\nX-Id: 7\r\n\r\n"
    ),
    b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n{"error": ""}',
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
)


class _Pretence:
    """A connected socket that says an answer to each request, piece by piece with pauses, and then closes."""

    def __init__(self, answers: list[list[bytes]]) -> None:
        self._answers = answers
        self._pieces: list[bytes] = []
        self._pauses = False

    def fileno(self) -> int:
        return 99

    def getsockopt(self, *_: int) -> int:
        return 0

    def getpeername(self) -> None:
        """Say nothing: it is connected."""

    def send(self, data: bytes) -> int:
        self._pieces += self._answers.pop(0) if self._answers else []
        return len(data)

    def recv(self, _size: int) -> bytes:
        self._pauses = not self._pauses
        if self._pauses:
            raise BlockingIOError
        return self._pieces.pop(0) if self._pieces else b""

    def close(self) -> None:
        """Leave the pieces to nobody."""


def _damaged(chance: random.Random) -> list[list[bytes]]:
    said = list(_RECORDED)
    for _ in range(chance.randrange(1, 4)):
        at, other = chance.randrange(len(said)), chance.randrange(len(said))
        piece = said[at]
        place = chance.randrange(len(piece) + 1)
        said[at] = chance.choice(
            (
                piece[:place] + chance.randbytes(1) + piece[place + 1 :],
                piece[:place],
                piece[place:],
                piece * 2,
                said[other],
                piece.replace(b"\r\n", b"\n"),
                piece.replace(b"2", chance.choice((b"9", b"-1", b"99999999999999999999"))),
                piece[:place] + chance.choice((b"\r\n", b"\r\n\r\n", b"\0", b",", b": ")) + piece[place:],
                piece[:place] + bytes(70_000) + piece[place:],
            )
        )
    return [_cut(chance, answer) for answer in said]


def _cut(chance: random.Random, data: bytes) -> list[bytes]:
    pieces = []
    while data:
        size = chance.choice((1, 7, 60, 100_000))
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def _carried_out(one: Any, numbers: range) -> list[int | None]:
    """Send requests one after the other, as the loop does, and return what became of each, None for lost ones."""
    over: list[int] = []
    statuses: list[int | None] = []
    sent = 0
    try:
        one.read()
        for number in numbers:
            if not one.takes_more:
                break
            one.send(Ticket(number, number, number))
            one.flush()
            sent += 1
            rows: list[Any] = []
            while not rows:  # every second call takes a piece, and after the last one the connection is closed
                rows = one.read()
            over += [row[0] for row in rows]
            statuses += [row[3] for row in rows]
    except LinkLostError:
        over += [ticket.number for ticket in one.tickets()]
    assert over == list(numbers)[:sent]
    return statuses + [None] * (len(over) - len(statuses))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[list[bytes]]], Any]:
    """Begin to connect to a server that says these answers."""

    def start(answers: list[list[bytes]]) -> Any:
        monkeypatch.setattr(link, "_connecting", lambda _peer: _Pretence(answers))
        peer = Peer(family=socket.AF_INET, address=None, shown="h")
        return rest_wire._RestLink(peer, [b"x"] * len(_RECORDED), None)

    return start


def test_the_recorded_conversation_is_understood(opened: Any) -> None:
    """Undamaged, all its requests are answered."""
    one = opened([[answer] for answer in _RECORDED])
    assert _carried_out(one, range(len(_RECORDED))) == [200, 200, 404, 204, 200]


@pytest.mark.parametrize("part", range(2))
def test_a_damaged_conversation_accounts_for_every_request_once(opened: Any, part: int) -> None:
    """However answers are damaged: a LinkLostError at worst, never a hang, and each request sent is over once."""
    seen: set[int | None] = set()
    for seed in range(part, _MUTATIONS, 2):
        chance = random.Random(seed)  # noqa: S311 - the corpus is the same each time
        statuses = _carried_out(opened(_damaged(chance)), range(len(_RECORDED)))
        assert statuses, f"seed {seed}"
        seen.update(statuses)
    assert {None, 200, 404, 204} <= seen
