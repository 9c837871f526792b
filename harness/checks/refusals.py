"""Refusals: the same bad request is refused over both APIs, and for the same reason.

REST has fewer codes than gRPC: each canonical code has one HTTP status (behaviour item 121), so the statuses are what
must agree. The texts differ by design (items 42 and 136).
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.checks.reproduce import request_line
from harness.checks.request import ask
from harness.checks.rest_form import rest_obstacle
from harness.errors import CallError, StatusError

if TYPE_CHECKING:
    from harness.checks.request import Request
    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.clients.client import Client
    from harness.findings import Finding

__all__ = ["check_refusals"]

_NAME = "parity"
_NO_SIGNATURE = "no_such_signature"
_NO_VERSION = 2**31 + 11
_NO_LABEL = "no_such_label"

# The codes that share an HTTP status with the one that a client takes the status for.
_AS_REST_SAYS = {
    "FAILED_PRECONDITION": "INVALID_ARGUMENT",
    "OUT_OF_RANGE": "INVALID_ARGUMENT",
    "ALREADY_EXISTS": "ABORTED",
    "UNKNOWN": "INTERNAL",
    "DATA_LOSS": "INTERNAL",
}


def check_refusals(subject: Subject, grpc: GrpcClient, rest: RestClient) -> list[Finding]:
    """Ask for a signature, a version and a label that are not there, over both APIs, with an otherwise good request.

    Returns:
        One finding for each; none if no good request is known that both APIs can carry.
    """
    fit = (one for one in subject.requests if not rest_obstacle(subject.signatures[one.signature_name]))
    request = next(fit, None)
    if request is None:
        return []
    cases: tuple[tuple[str, Request, dict[str, Any]], ...] = (
        ("a signature", replace(request, signature_name=_NO_SIGNATURE), {}),
        ("a version", request, {"version": _NO_VERSION}),
        ("a label", request, {"label": _NO_LABEL}),
    )
    return [_compared(subject, grpc, rest, what, bad, where) for what, bad, where in cases]


def _compared(
    subject: Subject, grpc: GrpcClient, rest: RestClient, what: str, request: Request, where: dict[str, Any]
) -> Finding:
    began = time.perf_counter_ns()
    over_grpc, over_rest = _code(grpc, request, where), _code(rest, request, where)
    return subject.finding(
        _NAME,
        f"{what} that is not there, REST = gRPC",
        problem="" if _agree(over_grpc, over_rest) else f"gRPC: {over_grpc}; REST: {over_rest}",
        good=f"both refuse it, REST with {over_rest}",
        tried=f"{request.method} for {what} that the model does not have ({request.source})",
        expected="both APIs refuse it, with codes that correspond",
        reproduce=(request_line(grpc, request, **where), request_line(rest, request, **where)),
        duration_ns=time.perf_counter_ns() - began,
    )


def _code(client: Client, request: Request, where: dict[str, Any]) -> str:
    """Return the code with which a request was refused, or what came instead."""
    try:
        ask(client, request, **where)
    except StatusError as exc:
        # A REST answer is read with the signature of its version: what refuses that did not refuse the request.
        return exc.code if exc.request.startswith(request.method) else "an answer"
    except CallError as exc:
        return f"{type(exc).__name__}: {exc}"
    return "an answer"


def _agree(grpc: str, rest: str) -> bool:
    return grpc != "an answer" and _AS_REST_SAYS.get(grpc, grpc) == rest
