"""Replay: what a version is warmed up with is asked over the wire, as any client would ask it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from harness.checks.reproduce import request_line
from harness.checks.request import ask
from harness.checks.warmup_requests import requests_of_logs
from harness.errors import HarnessError, TensorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.checks.request import Request
    from harness.checks.subject import Subject
    from harness.findings import Finding

__all__ = ["replay"]

_LIMIT_S = 2.0


def replay(subject: Subject, logs: Sequence[Any]) -> Finding:
    """Ask what the records ask, as many of them as two seconds allow; each has to be answered.

    A server runs them all before it serves the version, and one that fails makes it refuse the version (behaviour item
    187); but not a server without warm-up (``--enable_model_warmup=false``), nor a copy of the model elsewhere.
    """
    client = subject.clients[0]
    began_ns = time.perf_counter_ns()
    asked, errors, again = 0, [], []
    for number, log in enumerate(logs, 1):
        if time.perf_counter_ns() - began_ns > _LIMIT_S * 1e9:
            break
        asked += 1
        error, request = _error_of(client, log)
        if error:
            errors.append(f"record {number}: {error}")
            again += [] if request is None else _again(client, request)
    some = f"{asked} records" if asked == len(logs) else f"the first {asked} of {len(logs)} records (in {_LIMIT_S:g} s)"
    return subject.finding(
        "warmup",
        f"recorded requests over {'gRPC' if client.api == 'grpc' else 'REST'}",
        problem=f"{len(errors)} of {some} fail: {errors[0]}" if errors else "",
        good=f"{some}, all answered",
        tried="ask what the warm-up records ask",
        expected="an answer to each",
        reproduce=tuple(again[:1]),
        duration_ns=time.perf_counter_ns() - began_ns,
    )


def _error_of(client: Any, log: Any) -> tuple[str, Request | None]:
    """Return the first error that a record brings, and which of its requests does; empty if all are answered."""
    requests, faults = requests_of_logs([log], source="warm-up")
    if faults:
        return faults[0], None
    request = None
    try:
        for request in requests:
            ask(client, request)
    except HarnessError as exc:
        return str(exc), request
    return "", None


def _again(client: Any, request: Request) -> list[str]:
    try:
        return [request_line(client, request)]
    except TensorError:
        return []  # what cannot be sent cannot be sent again
