"""The gRPC engine: unary calls written straight into HTTP/2 frames, on one connection to each target."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hpack import NeverIndexedHeaderTuple

from harness.load.engines.address import grpc_address
from harness.load.engines.http2 import Connection, Ended, ProtocolError
from harness.load.engines.wire import Link, LinkLostError, Peer, Row, Ticket, drive, reach
from harness.load.status import BAD_RESPONSE, DEADLINE_EXCEEDED, UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.load.answers import Keeper
    from harness.load.engines.http2.headers import Fields
    from harness.load.job import Job
    from harness.load.request import EncodedRequest
    from harness.load.session import Session

__all__ = ["opener", "run"]

_UNKNOWN, _CANCELLED, _INTERNAL, _RESOURCE_EXHAUSTED, _PERMISSION_DENIED = 2, 1, 13, 8, 7
_LARGEST_STATUS = 16
# gRPC over HTTP/2, "Responses" and "HTTP2 Transport Mapping": what stands for a status that never came.
_OF_HTTP = {
    400: _INTERNAL,
    401: 16,
    403: _PERMISSION_DENIED,
    404: 12,
    429: UNAVAILABLE,
    502: UNAVAILABLE,
    503: UNAVAILABLE,
    504: UNAVAILABLE,
}
_OF_RESET = {0x7: UNAVAILABLE, 0x8: _CANCELLED, 0xB: _RESOURCE_EXHAUSTED, 0xC: _PERMISSION_DENIED}
_PREFIX_BYTES = 5
_MOST_RETRIES = 2
_MOST_ACKNOWLEDGED_BYTES = 4 * 2**20
_REACH_S = 5.0


def run(job: Job, session: Session) -> None:
    """Carry out the job over gRPC."""
    try:
        open_link = opener(job, session.keeper)
    except LinkLostError as exc:
        session.stop("server gone", str(exc), time.perf_counter_ns())
        return
    drive(job, session, open_link, lanes=None, lost=UNAVAILABLE)


def opener(job: Job, keeper: Keeper | None = None) -> Callable[[int], Link]:
    """Return what begins to connect to one of the job's targets, by its number.

    Raises:
        LinkLostError: nothing accepts a connection at a target.
    """
    addresses = [grpc_address(target, tls=job.tls is not None) for target in job.targets]
    peers = [reach(each, timeout_s=_REACH_S, tls=job.tls, protocol="h2") for each in addresses]
    requests = [[_encoded(each, job, peer) for each in job.requests] for peer in peers]
    return lambda target: _GrpcLink(peers[target], requests[target], keeper)


def _encoded(request: EncodedRequest, job: Job, peer: Peer) -> tuple[Fields, bytes]:
    """Return a request's header fields, and its message as gRPC frames it: not compressed, with its length.

    The user's own header fields are kept out of the header tables: were they all different, they would drive the others
    out, and no request could be encoded beforehand.
    """
    authority = "localhost" if peer.shown.startswith("unix:") else peer.shown
    if job.tls is not None and job.tls.server_name is not None:
        authority = job.tls.server_name
    fields: Fields = (
        (":method", "POST"),
        (":scheme", "http" if job.tls is None else "https"),
        (":path", request.method),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-timeout", f"{max(1, round(job.timeout_s * 1000))}m"),
        ("user-agent", "tfserving-harness"),
        *(NeverIndexedHeaderTuple(name.lower(), value) for name, value in request.headers),
    )
    return fields, b"\0" + len(request.body).to_bytes(4, "big") + request.body


class _GrpcLink(Link):
    """A connection with any number of calls in flight."""

    def __init__(self, peer: Peer, requests: list[tuple[Fields, bytes]], keeper: Keeper | None) -> None:
        super().__init__(peer)
        self._keeper = keeper
        self._http2 = Connection(requests)
        self._request = self._http2.request

    @property
    def in_flight(self) -> int:
        return self._http2.in_flight + self._http2.waiting

    def send(self, ticket: Ticket) -> None:
        if self._keeper is None:
            self._request(ticket, ticket[0])
        else:
            self._request(ticket, ticket[0], self._keeper.chooses())

    def flush(self) -> None:
        out = self._http2.out
        if out:
            data = b"".join(out)
            out.clear()
            self._write(data)
        elif self.wants_write:
            self._write(b"")

    def read(self) -> list[Row]:
        data = self._received()
        if not data:
            return []
        now_ns = time.perf_counter_ns()
        try:
            ended = self._http2.receive(data)
        except ProtocolError as exc:
            return self._broken(str(exc), now_ns)
        rows = self._rows(ended, now_ns) if ended else []
        if self._http2.acknowledged_bytes > _MOST_ACKNOWLEDGED_BYTES and self.wants_write:
            return rows + self._given_up("the server asks for acknowledgements, and does not read them", now_ns)
        if self._http2.went_away:
            self._go_away()
        return rows

    def _rows(self, ended: list[Ended], now_ns: int) -> list[Row]:
        rows: list[Row] = []
        refused: list[Row] = []
        for each in ended:
            ticket, head, http_status, size, body, _, is_refused, first = each
            if (
                head is not None
                and head[1] == 0
                and http_status == 200
                and size >= _PREFIX_BYTES
                and first[:_PREFIX_BYTES] == (size - _PREFIX_BYTES).to_bytes(_PREFIX_BYTES, "big")  # flag 0, and length
            ):
                rows.append((ticket[1], ticket[2], now_ns, 0, size - _PREFIX_BYTES, ""))
                if body and self._keeper is not None:
                    self._keeper.keep(ticket.number, body[_PREFIX_BYTES:])
            elif not is_refused:
                rows.append((ticket[1], ticket[2], now_ns, *_failure(each)))
            elif ticket[3] < _MOST_RETRIES:
                self.returned.append(ticket._replace(retries=ticket[3] + 1))
            else:
                refused.append((ticket[1], ticket[2], now_ns, UNAVAILABLE, 0, "the server refused the call thrice"))
        if rows:
            self.heard_ns = now_ns
        return rows + refused if refused else rows

    def _broken(self, why: str, now_ns: int) -> list[Row]:
        """Return what was over before the peer broke the rules, and what is lost because of it."""
        rows = self._rows(self._http2.take_ended(), now_ns)
        return rows + self._given_up(f"the server broke the rules of HTTP/2: {why}", now_ns)

    def _given_up(self, why: str, now_ns: int) -> list[Row]:
        """Return what is lost with a connection that is of no more use."""
        self.takes_more, self.why = False, why
        lost = self._http2.abandon()
        return [(one.scheduled_ns, one.sent_ns, now_ns, UNAVAILABLE, 0, self.why) for one in lost]

    def _go_away(self) -> None:
        self.takes_more = False
        self.why = self._http2.why
        self.returned += self._http2.take_waiting()

    def expire(self, now_ns: int, timeout_ns: int) -> list[Row]:
        if self.takes_more and self._http2.goes_away:
            self._go_away()
        if not self.wants_write:
            self._http2.acknowledged_bytes = 0  # the server has taken them all
        if not self.in_flight:
            return []
        before_ns = now_ns - timeout_ns
        late = self._http2.give_up(lambda ticket: ticket.sent_ns < before_ns)
        text = f"no answer within {timeout_ns / 1e9:g} s"
        return [(one.scheduled_ns, one.sent_ns, now_ns, DEADLINE_EXCEEDED, 0, text) for one in late]

    def tickets(self) -> list[Ticket]:
        return self._http2.abandon()


def _failure(ended: Ended) -> tuple[int, int, str]:
    """Return status, size and text of a call that was not answered well."""
    head = ended.head
    if head is not None and head.grpc_status is not None:
        if head.grpc_status == 0:
            return _misframed(ended)
        if head.grpc_status > _LARGEST_STATUS:
            return _UNKNOWN, 0, f"grpc-status {head.grpc_status}, which gRPC does not know: {head.message}"
        return head.grpc_status, 0, head.message
    if ended.error is not None:
        return _OF_RESET.get(ended.error, _INTERNAL), 0, f"the call was reset (error code {ended.error})"
    if ended.http_status != 200:
        return _OF_HTTP.get(ended.http_status, _UNKNOWN), 0, f"HTTP status {ended.http_status}, not gRPC's 200"
    return _UNKNOWN, 0, "the answer ended without a grpc-status"


def _misframed(ended: Ended) -> tuple[int, int, str]:
    """Return what an answer is that says OK, but is not one message as it is."""
    if ended.size < _PREFIX_BYTES or ended.http_status != 200:
        return BAD_RESPONSE, 0, "the answer says OK but holds no message"
    if ended.first[0] == 1:
        return _INTERNAL, 0, "the answer is compressed, which was not asked for"
    told, size = int.from_bytes(ended.first[1:_PREFIX_BYTES], "big"), ended.size - _PREFIX_BYTES
    seen = f"its frame begins with {ended.first[:_PREFIX_BYTES]!r}, which tells of {told} bytes, and {size} follow"
    return _INTERNAL, 0, f"the answer is not one message: {seen}"
