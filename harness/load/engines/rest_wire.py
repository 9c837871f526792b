"""The REST engine: HTTP/1.1 written and read as bytes, one request in flight on each keep-alive connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.load.engines.address import Address, rest_address
from harness.load.engines.http1 import Answer, AnswerReader, BadAnswerError
from harness.load.engines.wire import Link, LinkLostError, Peer, Row, Ticket, drive, reach
from harness.load.limits import most_connections
from harness.load.status import BAD_RESPONSE, CONNECTION_LOST, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.load.answers import Keeper
    from harness.load.job import Job
    from harness.load.request import EncodedRequest
    from harness.load.session import Session

__all__ = ["opener", "run"]

_OPEN_LOOP_CONNECTIONS = 1_024
_REACH_S = 5.0


def run(job: Job, session: Session) -> None:
    """Carry out the job over HTTP/1.1."""
    most_links = most_connections(max(job.concurrency, _OPEN_LOOP_CONNECTIONS))
    try:
        open_link = opener(job, session.keeper)
    except LinkLostError as exc:
        session.stop("server gone", str(exc), time.perf_counter_ns())
        return
    drive(job, session, open_link, lanes=1, lost=CONNECTION_LOST, most_links=most_links)


def opener(job: Job, keeper: Keeper | None = None) -> Callable[[int], Link]:
    """Return what begins to connect to one of the job's targets, by its number.

    Raises:
        LinkLostError: nothing accepts a connection at a target.
    """
    addresses = [rest_address(target) for target in job.targets]
    peers = [reach(each, timeout_s=_REACH_S, tls=job.tls) for each in addresses]
    requests = [[_encoded(each, address) for each in job.requests] for address in addresses]
    return lambda target: _RestLink(peers[target], requests[target], keeper)


def _encoded(request: EncodedRequest, address: Address) -> bytes:
    """Return a whole request: head and body."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    fields = {"Host": f"{host}:{address.port}", "Content-Type": "application/json"}
    names = {name.lower() for name, _ in request.headers}
    lines = [f"{request.verb} {address.prefix}{request.method} HTTP/1.1"]
    lines += [f"{name}: {text}" for name, text in fields.items() if name.lower() not in names]
    lines += [f"{name}: {text}" for name, text in request.headers]
    if request.body or request.verb != "GET":
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body


class _RestLink(Link):
    """A connection with at most one request in flight."""

    def __init__(self, peer: Peer, requests: list[bytes], keeper: Keeper | None) -> None:
        super().__init__(peer)
        self._requests = requests
        self._keeper = keeper
        self._reader = AnswerReader()
        self._ticket: Ticket | None = None
        self._to_send = b""

    @property
    def in_flight(self) -> int:
        return 0 if self._ticket is None else 1

    def send(self, ticket: Ticket) -> None:
        self._ticket = ticket
        self._to_send = self._requests[ticket[0]]
        if self._keeper is not None:
            self._reader.keeps = self._keeper.chooses()

    def flush(self) -> None:
        if self._to_send or self.wants_write:
            data, self._to_send = self._to_send, b""
            self._write(data)

    def read(self) -> list[Row]:
        try:
            data = self._received()
        except LinkLostError:
            answer = self._reader.end()
            if answer is None or self._ticket is None:
                raise
            self.takes_more = False
            return [self._row(self._ticket, answer)]
        if not data:
            return []
        ticket = self._ticket
        if ticket is None:
            raise LinkLostError(f"the server sent what nobody asked for: {data[:40]!r}")
        try:
            answer = self._reader.receive(data)
        except BadAnswerError as exc:
            raise LinkLostError(f"no HTTP/1.1 answer: {exc}", status=BAD_RESPONSE) from exc
        if answer is None:
            return []
        if answer[3] or self.wants_write:  # an answer before the whole request had left: the server reads no more of it
            self.takes_more = False
        return [self._row(ticket, answer)]

    def _row(self, ticket: Ticket, answer: Answer) -> Row:
        self._ticket = None
        status, size, body, _ = answer
        now_ns = self.heard_ns = time.perf_counter_ns()
        if not 200 <= status < 300:
            return ticket[1], ticket[2], now_ns, status, size, body[:1_000].decode(errors="replace")
        if self._reader.keeps and self._keeper is not None:
            self._keeper.keep(ticket[0], body)
        return ticket[1], ticket[2], now_ns, status, size, ""

    def expire(self, now_ns: int, timeout_ns: int) -> list[Row]:
        ticket = self._ticket
        if ticket is None or now_ns - ticket.sent_ns < timeout_ns:
            return []
        self._ticket, self.takes_more = None, False  # its answer may still come: the connection is of no more use
        text = f"no answer within {timeout_ns / 1e9:g} s"
        return [(ticket.scheduled_ns, ticket.sent_ns, now_ns, TIMEOUT, 0, text)]

    def tickets(self) -> list[Ticket]:
        ticket, self._ticket = self._ticket, None
        return [] if ticket is None else [ticket]
