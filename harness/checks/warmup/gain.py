"""Gain: what warm-up is worth, on a server with two copies of the model, one warmed up and one not.

A model without warm-up records gets some in its copy: the requests it is timed with. So what is told is what its makers
would gain. Times are told, and never judged: they are this machine's.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from harness.checks.request import ask
from harness.checks.rerun import check_line
from harness.checks.warmup.advice import advice
from harness.checks.warmup.copies import Copies
from harness.checks.warmup.timing import time_first_request
from harness.checks.warmup_requests import requests_of_logs
from harness.clients import GrpcClient
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.checks.request import Request
    from harness.checks.subject import Subject
    from harness.checks.warmup.timing import FirstRequest
    from harness.findings import Finding
    from harness.servers import Server
    from harness.stage import Stage

__all__ = ["first_requests", "records_read"]

_CHECK = "warmup"
_LOG_ALL = {"TF_CPP_MIN_LOG_LEVEL": "0"}  # what a server tells of warm-up is often switched off
_READ = re.compile(r"Finished reading warmup data for model at (\S+)\. Number of warmup records read: (\d+)\.")
_NO_FILE = re.compile(r"No warmup data file found at (\S+)")
_OFF = "--enable_model_warmup=false"
_MOST_SIGNATURES = 3


def first_requests(subject: Subject, stage: Stage, version_dir: Path, logs: Sequence[Any]) -> list[Finding]:
    """Return what the server told of the records, and how long the first request of each signature took.

    Args:
        subject: the model under check.
        stage: starts the server.
        version_dir: the version's directory.
        logs: its warm-up records, none if it has none.

    Raises:
        HarnessError: the server did not become ready, or the copies cannot be written.
    """
    requests = _one_of_each_signature(subject)
    if not requests:
        return [subject.left_out(_CHECK, "the first request after a load", "no request is answered")]
    recorded = {request.signature_name for request in requests_of_logs(logs, source="")[0]}
    with stage.folder() as folder:
        copies = Copies.make(folder, name=subject.model, source=version_dir, requests=() if logs else requests)
        with stage.server(copies.cold, copies.warm, environment=_LOG_ALL) as server:
            findings = [_read_finding(subject, server, copies, len(logs))] if logs else []
            findings += [_timed(subject, server, copies, request, recorded) for request in requests]
    return findings + _not_timed(subject, requests)


def _one_of_each_signature(subject: Subject) -> list[Request]:
    """Return a request that is answered for each signature, of three signatures at most."""
    chosen: dict[str, Request] = {}
    for request in subject.requests:
        if request.signature_name not in chosen and len(chosen) < _MOST_SIGNATURES and _is_answered(subject, request):
            chosen[request.signature_name] = request
    return list(chosen.values())


def _not_timed(subject: Subject, requests: Sequence[Request]) -> list[Finding]:
    known = {request.signature_name for request in subject.requests}
    others = sorted(known - {request.signature_name for request in requests})
    if not others:
        return []
    what = f"the first request after a load, {len(others)} other signatures"
    return [subject.left_out(_CHECK, what, f"{_MOST_SIGNATURES} are timed, of those that answer")]


def _is_answered(subject: Subject, request: Request) -> bool:
    try:
        ask(subject.clients[0], request)
    except HarnessError:
        return False  # other checks say so
    return True


def records_read(log: str, model: str) -> int | None:
    """Return how many warm-up records a server's log says were read for a model; None if it does not tell."""
    for path, number in _READ.findall(log):
        if f"/{model}/" in path:
            return int(number)
    return 0 if any(f"/{model}/" in path for path in _NO_FILE.findall(log)) else None


def _read_finding(subject: Subject, server: Server, copies: Copies, count: int) -> Finding:
    what = "the server reads the records"
    read = records_read(server.log(), copies.warm.name)
    if read is None:
        is_off = _OFF in server.spec.args
        why = f"the server runs with {_OFF}, so nothing is warmed up" if is_off else "the server's log does not tell"
        return subject.left_out(_CHECK, what, why, severity="warning")
    return subject.finding(
        _CHECK,
        what,
        problem="" if read == count else f"its log tells of {read} records read, but the file holds {count}",
        good=f"its log tells of {read} records read before the version was served",
        tried="serve a copy of the version, and read the server's log",
        expected=f"{count} records read",
        reproduce=(check_line(subject, _CHECK),),
    )


def _timed(subject: Subject, server: Server, copies: Copies, request: Request, recorded: set[str]) -> Finding:
    """Time a signature's first request on both copies."""
    began_ns = time.perf_counter_ns()
    cold, warm = (_first(server, model.name, request) for model in (copies.cold, copies.warm))
    is_covered = request.signature_name in recorded
    now = warm if recorded else cold  # as the model is
    is_slow = now.is_slow and not is_covered
    seen = f"{now}; {_otherwise(cold, warm, recorded=bool(recorded), is_covered=is_covered)}"
    return subject.finding(
        _CHECK,
        f"the first request after a load, {request.signature_name}",
        problem=f"{seen}. Record it as warm-up, so that no caller waits: {advice(subject, request)}" if is_slow else "",
        good=seen,
        severity="warning" if is_slow else "info",
        tried="load the version and time its first request, once with warm-up records and once without",
        expected="not much slower than the later ones",
        reproduce=(check_line(subject, _CHECK),),
        duration_ns=time.perf_counter_ns() - began_ns,
    )


def _otherwise(cold: FirstRequest, warm: FirstRequest, *, recorded: bool, is_covered: bool) -> str:
    if is_covered:
        return f"without its warm-up records {cold}"
    return (
        "its warm-up records are of other signatures" if recorded else f"with this request as a warm-up record {warm}"
    )


def _first(server: Server, model: str, request: Request) -> FirstRequest:
    with GrpcClient(server.endpoint_of(model)) as client:
        client.model_status()  # connects: the first request shall not pay for that
        return time_first_request(client, request)
