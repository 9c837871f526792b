"""The gRPC engine: unary calls written straight into HTTP/2 frames, on one connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.load.engines.address import Address, grpc_address
from harness.load.engines.http2 import Connection, Ended, ProtocolError
from harness.load.engines.wire import Link, LinkLostError, Row, drive
from harness.load.status import BAD_RESPONSE, DEADLINE_EXCEEDED, UNAVAILABLE

if TYPE_CHECKING:
    from harness.load.engines.wire.link import Ticket
    from harness.load.job import Job
    from harness.load.request import EncodedRequest
    from harness.load.session import Session

__all__ = ["run"]

_UNKNOWN, _CANCELLED, _INTERNAL, _RESOURCE_EXHAUSTED, _PERMISSION_DENIED = 2, 1, 13, 8, 7
# gRPC over HTTP/2, "Responses" and "HTTP2 Transport Mapping": what stands for a status that never came.
_OF_HTTP = {
    400: _INTERNAL,
    401: 16,
    403: _PERMISSION_DENIED,
    404: 12,
    429: UNAVAILABLE,
    502: UNAVAILABLE,
    503: UNAVAILABLE,
}
_OF_HTTP |= {504: UNAVAILABLE}
_OF_RESET = {0x7: UNAVAILABLE, 0x8: _CANCELLED, 0xB: _RESOURCE_EXHAUSTED, 0xC: _PERMISSION_DENIED}
_PREFIX_BYTES = 5
_MOST_RETRIES = 2

_Fields = tuple[tuple[str, str], ...]


def run(job: Job, session: Session) -> None:
    """Carry out the job over gRPC."""
    address = grpc_address(job.target)
    requests = [_encoded(each, job) for each in job.requests]
    drive(job, session, lambda: _GrpcLink(address, requests, job.timeout_s), links=1, lanes=None, lost=UNAVAILABLE)


def _encoded(request: EncodedRequest, job: Job) -> tuple[_Fields, bytes]:
    """Return a request's header fields, and its message as gRPC frames it: not compressed, with its length."""
    fields = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", request.method),
        (":authority", "localhost" if job.target.startswith("unix:") else job.target),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-timeout", f"{max(1, round(job.timeout_s * 1000))}m"),
        ("user-agent", "tfserving-harness"),
        *((name.lower(), value) for name, value in request.headers),
    )
    return fields, b"\0" + len(request.body).to_bytes(4, "big") + request.body


class _GrpcLink(Link):
    """A connection with any number of calls in flight."""

    def __init__(self, address: Address, requests: list[tuple[_Fields, bytes]], timeout_s: float) -> None:
        super().__init__(address, timeout_s=timeout_s)
        self._requests = requests
        self._http2 = Connection()

    @property
    def in_flight(self) -> int:
        return self._http2.in_flight + self._http2.waiting

    def send(self, ticket: Ticket) -> None:
        fields, message = self._requests[ticket[0]]
        self._http2.request(ticket, fields, message)

    def flush(self) -> None:
        out = self._http2.out
        if out or self.wants_write:
            data = b"".join(out)
            out.clear()
            self._write(data)

    def read(self) -> list[Row]:
        data = self._received()
        if not data:
            return []
        now_ns = time.perf_counter_ns()
        http2 = self._http2
        try:
            ended = http2.receive(data)
        except ProtocolError as exc:
            raise LinkLostError(f"the server broke the rules of HTTP/2: {exc}") from exc
        rows = []
        for each in ended:
            ticket, head, http_status, size = each[:4]
            if head is not None and head[1] == 0 and http_status == 200 and size >= _PREFIX_BYTES:
                rows.append(Row(ticket[1], ticket[2], now_ns, 0, size - _PREFIX_BYTES, ""))
            elif each.refused and ticket[3] < _MOST_RETRIES:
                self.returned.append(ticket)
            else:
                rows.append(Row(ticket[1], ticket[2], now_ns, *_failure(each)))
        if http2.goes_away:
            self.takes_more = False
            self.returned += http2.take_waiting()
        return rows

    def expire(self, now_ns: int, timeout_ns: int) -> list[Row]:
        late = []
        for ticket in self._http2.tags():
            if now_ns - ticket.sent_ns < timeout_ns:
                break  # they are in the order they were sent
            late.append(ticket)
        for ticket in late:
            self._http2.cancel(ticket)
        text = f"no answer within {timeout_ns / 1e9:g} s"
        return [Row(one.scheduled_ns, one.sent_ns, now_ns, DEADLINE_EXCEEDED, 0, text) for one in late]

    def tickets(self) -> list[Ticket]:
        return self._http2.abandon()


def _failure(ended: Ended) -> tuple[int, int, str]:
    """Return status, size and text of a call that was not answered well."""
    head = ended.head
    if head is not None and head.grpc_status is not None:
        if head.grpc_status == 0:
            return BAD_RESPONSE, 0, "the answer says OK but holds no message"
        return head.grpc_status, 0, head.message
    if ended.error is not None:
        return _OF_RESET.get(ended.error, _INTERNAL), 0, f"the server reset the call (error code {ended.error})"
    if ended.http_status != 200:
        return _OF_HTTP.get(ended.http_status, _UNKNOWN), 0, f"HTTP status {ended.http_status}, not gRPC's 200"
    return _UNKNOWN, 0, "the answer ended without a grpc-status"
