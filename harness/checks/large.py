"""Large: requests and answers beyond 4 MiB get through, both ways and over both APIs.

TensorFlow Serving sets no limit of its own (behaviour items 32, 127), but 4 MiB is what gRPC takes by default, and what
many a proxy or gateway in front of a server does. Rows are repeated until a message is larger, and every one of them
must bring the answer that it brings alone.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.checks.message_sizes import answer_bytes, request_bytes
from harness.checks.reproduce import request_line
from harness.checks.request import ask
from harness.checks.rest_form import rest_obstacle
from harness.checks.rows import NotBatched, ask_rows, is_size_limit
from harness.errors import CallError, StatusError

if TYPE_CHECKING:
    from harness.checks.rows import Batched
    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.findings import Finding

__all__ = ["check"]

_NAME = "large"
_LIMIT_BYTES = 4 * 2**20
_AIM_BYTES = _LIMIT_BYTES * 17 // 16  # sizes of answers are estimated
_MOST_BYTES = 64 * 2**20
_MOST_ROWS = 2**17
_QUICK_S, _MOST_S = 1.0, 5.0
_SAMPLE_ROWS, _SAMPLE_BYTES = 256, 2**20
_TOO_LARGE = 413
_REMEDY = (
    "; TensorFlow Serving itself takes messages of 4 MiB and more: raise the limit of what stands before it"
    " (max_receive_message_length of a gRPC proxy, the largest body of an HTTP gateway)"
)


def check(subject: Subject) -> list[Finding]:
    """Send each signature a request beyond 4 MiB, over each API."""
    found: list[Finding] = []
    asked = {request.signature_name for request in subject.requests}
    for signature in subject.signatures.values():
        if signature.name in asked:
            one = ask_rows(subject, subject.clients[0], signature)
            if isinstance(one, NotBatched):
                found.append(subject.left_out(_NAME, signature.name, one.why))
            else:
                found += [_over(subject, one, client) for client in subject.clients]
    return found


@dataclass(frozen=True, kw_only=True)
class _Sizes:
    """What a row takes over one API.

    Attributes:
        request_bytes: of a row in a request.
        answer_bytes: of its answer, about.
        took_s: seconds for a row.
    """

    request_bytes: float
    answer_bytes: float
    took_s: float

    def rows(self) -> int | None:
        """Return how many rows make request and answer large, if that is quick, or else one of them; None if too many."""
        wanted = [math.ceil(_AIM_BYTES / max(size, 1e-9)) for size in (self.request_bytes, self.answer_bytes)]
        choices = ((max(wanted), _QUICK_S), *((rows, _MOST_S) for rows in wanted))
        return next((rows for rows, limit_s in choices if self._are_tried(rows, limit_s)), None)

    def _are_tried(self, rows: int, limit_s: float) -> bool:
        largest = max(self.request_bytes, self.answer_bytes) * rows
        return rows <= _MOST_ROWS and largest <= _MOST_BYTES and self.took_s * rows <= limit_s


def _over(subject: Subject, one: Batched, client: GrpcClient | RestClient) -> Finding:
    what = f"{one.signature.name} beyond 4 MiB over {'gRPC' if client.api == 'grpc' else 'REST'}"
    if client.api == "rest" and rest_obstacle(one.signature):
        return subject.left_out(_NAME, what, rest_obstacle(one.signature))
    try:
        sizes = _measured(one, client)
    except CallError as exc:
        return _finding(subject, one, client, what, rows=1, problem=str(exc))
    rows = sizes.rows()
    if rows is None:
        return subject.left_out(_NAME, what, _too_many(sizes))
    return _asked(subject, one, client, what, rows)


def _measured(one: Batched, client: GrpcClient | RestClient) -> _Sizes:
    """Ask some rows, twice as the first request of a size may take longer, and return what a row takes."""
    of_one = request_bytes(client, one.pool.take([0]))
    count = max(1, min(_SAMPLE_ROWS, _SAMPLE_BYTES // max(of_one, 1)))
    sample = one.pool.take(_repeated(one, count))
    ask(client, sample)
    began = time.perf_counter()
    answer = ask(client, sample)
    return _Sizes(
        request_bytes=request_bytes(client, sample) / count,
        answer_bytes=answer_bytes(client.api, answer) / count,
        took_s=(time.perf_counter() - began) / count,
    )


def _repeated(one: Batched, count: int) -> list[int]:
    return [row % one.count for row in range(count)]


def _too_many(sizes: _Sizes) -> str:
    needed = math.ceil(_AIM_BYTES / max(sizes.request_bytes, 1e-9))
    return (
        f"a row takes about {sizes.request_bytes:,.0f} bytes, its answer {sizes.answer_bytes:,.0f}, and"
        f" {sizes.took_s * 1e3:.2g} ms: 4 MiB are {needed:,} rows; at most {_MOST_ROWS:,} rows,"
        f" {_MOST_BYTES // 2**20} MiB and {_MOST_S:g} s are tried"
    )


def _asked(subject: Subject, one: Batched, client: GrpcClient | RestClient, what: str, rows: int) -> Finding:
    request = one.pool.take(_repeated(one, rows))
    began = time.perf_counter_ns()
    sent = request_bytes(client, request)
    good = problem = ""
    try:
        answer = ask(client, request)
        problem = one.mismatch(answer, _repeated(one, rows))
        good = f"{rows:,} rows, {_sizes_text(sent, answer_bytes(client.api, answer))}: each brought its answer"
    except CallError as exc:
        if is_size_limit(exc):
            return subject.left_out(_NAME, what, f"the server was told to take fewer rows in a request: {exc}")
        problem = f"a request of {sent:,} bytes brings no answer: {exc}{_remedy(exc)}"
    took_ns = time.perf_counter_ns() - began
    return _finding(subject, one, client, what, rows=rows, problem=problem, good=good, took_ns=took_ns)


def _sizes_text(sent: int, received: int) -> str:
    sizes = f"a request of {sent / 2**20:.1f} MiB and an answer of about {received / 2**20:.1f} MiB"
    if sent > _LIMIT_BYTES and received > _LIMIT_BYTES:
        return f"{sizes}, both beyond 4 MiB"
    return f"{sizes}, the {'request' if sent > _LIMIT_BYTES else 'answer'} alone beyond 4 MiB"


def _remedy(error: CallError) -> str:
    """Return the remedy where a size limit is the cause."""
    if not isinstance(error, StatusError):
        return ""
    is_limit = error.http_status == _TOO_LARGE or "message larger than max" in error.server_message
    return _REMEDY if is_limit else ""


def _finding(
    subject: Subject,
    one: Batched,
    client: GrpcClient | RestClient,
    what: str,
    *,
    rows: int,
    problem: str,
    good: str = "",
    took_ns: int = 0,
) -> Finding:
    return subject.finding(
        _NAME,
        what,
        problem=problem,
        good=good,
        tried=f"{one.pool.method} {rows:,} rows in one request, repeating those of {one.pool.source}",
        expected="the answer that each row brings alone, but for float noise",
        reproduce=(request_line(client, one.pool.take(_repeated(one, rows))),) if problem else (),
        duration_ns=took_ns,
    )
