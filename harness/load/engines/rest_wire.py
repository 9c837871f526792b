"""The REST engine: HTTP/1.1 written and read as bytes, one request in flight on each keep-alive connection."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

from harness.load.engines.address import Address, rest_address
from harness.load.engines.http1 import Answer, AnswerReader, BadAnswerError
from harness.load.engines.wire import Link, LinkLostError, Row, drive
from harness.load.status import BAD_RESPONSE, CONNECTION_LOST, TIMEOUT

if TYPE_CHECKING:
    from harness.load.engines.wire.link import Ticket
    from harness.load.job import Job
    from harness.load.request import EncodedRequest
    from harness.load.session import Session

__all__ = ["run"]

_OPEN_LOOP_CONNECTIONS = 64


def run(job: Job, session: Session) -> None:
    """Carry out the job over HTTP/1.1."""
    address = rest_address(job.target)
    requests = [_encoded(each, address) for each in job.requests]
    tls = ssl.create_default_context() if address.tls else None
    drive(
        job,
        session,
        lambda: _RestLink(address, requests, job.timeout_s, tls),
        links=job.concurrency if job.arrivals is None else max(job.concurrency, _OPEN_LOOP_CONNECTIONS),
        lanes=1,
        lost=CONNECTION_LOST,
    )


def _encoded(request: EncodedRequest, address: Address) -> bytes:
    """Return a whole request: head and body."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    names = {name.lower() for name, _ in request.headers}
    fields = [("Host", f"{host}:{address.port}"), *request.headers]
    if "content-type" not in names:
        fields.append(("Content-Type", "application/json"))
    if request.body or request.verb not in {"GET", "HEAD"}:
        fields.append(("Content-Length", str(len(request.body))))
    lines = [f"{request.verb} {address.prefix}{request.method} HTTP/1.1", *(f"{name}: {text}" for name, text in fields)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


class _RestLink(Link):
    """A connection with at most one request in flight."""

    def __init__(self, address: Address, requests: list[bytes], timeout_s: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(address, timeout_s=timeout_s, tls=tls)
        self._requests = requests
        self._reader = AnswerReader()
        self._ticket: Ticket | None = None
        self._to_send = b""

    @property
    def in_flight(self) -> int:
        return 0 if self._ticket is None else 1

    def send(self, ticket: Ticket) -> None:
        self._ticket = ticket
        self._to_send = self._requests[ticket[0]]

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
            raise LinkLostError("the server sent bytes that nobody asked for")
        try:
            answer = self._reader.receive(data)
        except BadAnswerError as exc:
            self.takes_more, self._ticket = False, None
            return [Row(ticket[1], ticket[2], time.perf_counter_ns(), BAD_RESPONSE, 0, f"no HTTP/1.1 answer: {exc}")]
        if answer is None:
            return []
        self.takes_more = not answer[3]
        return [self._row(ticket, answer)]

    def _row(self, ticket: Ticket, answer: Answer) -> Row:
        self._ticket = None
        status, size, beginning, _ = answer
        message = "" if 200 <= status < 300 else beginning.decode(errors="replace")
        return Row(ticket[1], ticket[2], time.perf_counter_ns(), status, size, message)

    def expire(self, now_ns: int, timeout_ns: int) -> list[Row]:
        ticket = self._ticket
        if ticket is None or now_ns - ticket.sent_ns < timeout_ns:
            return []
        self._ticket, self.takes_more = None, False  # its answer may still come: the connection is of no more use
        text = f"no answer within {timeout_ns / 1e9:g} s"
        return [Row(ticket.scheduled_ns, ticket.sent_ns, now_ns, TIMEOUT, 0, text)]

    def tickets(self) -> list[Ticket]:
        ticket, self._ticket = self._ticket, None
        return [] if ticket is None else [ticket]
