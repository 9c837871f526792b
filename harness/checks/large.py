"""Large: requests and answers beyond 4 MiB get through, both ways and over both APIs.

TensorFlow Serving sets no limit of its own (behaviour items 32, 127), but 4 MiB is what gRPC takes by default, and what
many a proxy or gateway in front of a server does. Rows are repeated until a message is larger, and every one of them
must bring the answer that it brings alone.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.checks.message_sizes import answer_bytes, request_bytes
from harness.checks.reproduce import request_line
from harness.checks.request import ask
from harness.checks.rest_form import rest_obstacle
from harness.checks.rows import NotBatched, ask_rows, is_size_limit
from harness.errors import CallError, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.checks.rows import Batched
    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.findings import Finding

__all__ = ["check"]

_NAME = "large"
_LIMIT_BYTES = 4 * 2**20
_AIM_BYTES = _LIMIT_BYTES * 17 // 16  # sizes of answers are estimated
_MOST_BYTES = 12 * 2**20
_MOST_ROWS = 2**17
_MOST_S = 5.0
_SAMPLE_ROWS, _SAMPLE_BYTES = 256, 2**17
_TOO_LARGE = 413
_REMEDY = (
    "; TensorFlow Serving itself takes messages of 4 MiB and more: raise the limit of what stands before it"
    " (max_receive_message_length of a gRPC proxy, the largest body of an HTTP gateway)"
)

Side = Literal["request", "answer"]
_API = {"grpc": "gRPC", "rest": "REST"}
_SIDES: tuple[Side, ...] = ("request", "answer")


def check(subject: Subject) -> list[Finding]:
    """Send a request beyond 4 MiB over each API, and one whose answer is; the signatures that are quickest serve."""
    found: list[Finding] = []
    fit: list[Batched] = []
    asked = {request.signature_name for request in subject.requests}
    for signature in subject.signatures.values():
        if signature.name in asked:
            one = ask_rows(subject, subject.clients[0], signature)
            if isinstance(one, NotBatched):
                found.append(subject.left_out(_NAME, signature.name, one.why))
            elif one.fault:
                found.append(subject.left_out(_NAME, signature.name, f"rows together are wrong already: {one.fault}"))
            else:
                fit.append(one)
    return found + [finding for client in subject.clients for finding in _over(subject, client, fit)]


@dataclass(frozen=True, kw_only=True)
class _Sized:
    """A signature and what a row of it takes over one API.

    Attributes:
        one: the signature.
        sizes: bytes of a row in a request, and of its answer, the latter about.
        took_s: seconds for a row.
    """

    one: Batched
    sizes: Mapping[Side, float]
    took_s: float

    def rows(self, *sides: Side) -> int:
        """Return how many rows make these messages large."""
        return max(math.ceil(_AIM_BYTES / max(self.sizes[side], 1e-9)) for side in sides)

    def is_tried(self, *sides: Side) -> bool:
        """Whether so many rows are not too many."""
        rows = self.rows(*sides)
        largest = max(self.sizes.values()) * rows
        return rows <= _MOST_ROWS and largest <= _MOST_BYTES and self.took_s * rows <= _MOST_S


def _over(subject: Subject, client: GrpcClient | RestClient, fit: Iterable[Batched]) -> list[Finding]:
    able = [one for one in fit if client.api == "grpc" or not rest_obstacle(one.signature)]
    try:
        sized = [_measured(one, client) for one in able]
    except CallError as exc:
        return [subject.finding(_NAME, f"rows in smaller numbers over {_API[client.api]}", problem=str(exc))]
    both = _quickest(sized, "request", "answer")
    if both is not None:
        return [_asked(subject, client, both, "request", "answer")]
    return [_one_way(subject, client, sized, side) for side in _SIDES] if sized else []


def _one_way(subject: Subject, client: GrpcClient | RestClient, sized: Sequence[_Sized], side: Side) -> Finding:
    found = _quickest(sized, side)
    if found is not None:
        return _asked(subject, client, found, side)
    least = min(sized, key=lambda one: one.rows(side))
    why = (
        f"{least.rows(side):,} rows of {least.one.signature.name} would be needed, each with"
        f" {least.sizes['request']:,.0f} bytes in a request, {least.sizes['answer']:,.0f} in an answer and"
        f" {least.took_s * 1e3:.2g} ms; {_MOST_ROWS:,} rows, {_MOST_BYTES // 2**20} MiB and {_MOST_S:g} s are the most"
    )
    return subject.left_out(_NAME, _what(client, side), why)


def _quickest(sized: Iterable[_Sized], *sides: Side) -> _Sized | None:
    tried = [one for one in sized if one.is_tried(*sides)]
    return min(tried, key=lambda one: one.rows(*sides) * one.took_s, default=None)


def _what(client: GrpcClient | RestClient, *sides: Side) -> str:
    return f"{' and '.join(sides)} beyond 4 MiB over {_API[client.api]}"


def _measured(one: Batched, client: GrpcClient | RestClient) -> _Sized:
    """Ask some rows, twice as the first request of a size may take longer, and return what a row takes."""
    of_one = max(request_bytes(client, one.pool.take([0])), answer_bytes(client.api, one.alone) // one.count, 1)
    count = max(1, min(_SAMPLE_ROWS, _SAMPLE_BYTES // of_one))
    sample = one.pool.take(one.cycled(count))
    ask(client, sample)
    began = time.perf_counter()
    answer = ask(client, sample)
    return _Sized(
        one=one,
        sizes={"request": request_bytes(client, sample) / count, "answer": answer_bytes(client.api, answer) / count},
        took_s=(time.perf_counter() - began) / count,
    )


def _asked(subject: Subject, client: GrpcClient | RestClient, sized: _Sized, *sides: Side) -> Finding:
    one, rows = sized.one, sized.one.cycled(sized.rows(*sides))
    request = one.pool.take(rows)
    began = time.perf_counter_ns()
    sent = request_bytes(client, request)
    good = problem = ""
    try:
        answer = ask(client, request)
        problem = one.mismatch(answer, rows)
        good = f"{len(rows):,} rows, {_sizes_text(sent, answer_bytes(client.api, answer))}: each brought its answer"
    except CallError as exc:
        if is_size_limit(exc):
            why = f"the server was told to take fewer rows in a request: {exc}"
            return subject.left_out(_NAME, _what(client, *sides), why)
        problem = f"{len(rows):,} rows, a request of {sent:,} bytes, bring no answer: {exc}{_remedy(exc)}"
    return subject.finding(
        _NAME,
        _what(client, *sides),
        problem=f"{one.signature.name}: {problem}" if problem else "",
        good=f"{one.signature.name}: {good}",
        tried=f"{one.pool.method} {len(rows):,} rows in one request, repeating those of {one.pool.source}",
        expected="the answer that each row brings alone, but for float noise",
        reproduce=(request_line(client, request),) if problem else (),
        duration_ns=time.perf_counter_ns() - began,
    )


def _sizes_text(sent: int, received: int) -> str:
    return f"a request of {sent / 2**20:.1f} MiB and an answer of about {received / 2**20:.1f} MiB"


def _remedy(error: CallError) -> str:
    """Return the remedy where a size limit is the cause."""
    if not isinstance(error, StatusError):
        return ""
    is_limit = error.http_status == _TOO_LARGE or "message larger than max" in error.server_message
    return _REMEDY if is_limit else ""
