"""Inputs: which requests the other checks ask with, where they come from, and what could not be exercised."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.checks.parity import rest_obstacle
from harness.checks.reproduce import request_line
from harness.checks.request import ask
from harness.errors import CallError, TensorError
from harness.report.text import plural

if TYPE_CHECKING:
    from harness.checks.request import Request
    from harness.checks.subject import Subject
    from harness.clients.client import Client
    from harness.findings import Finding
    from harness.signatures import Signature

__all__ = ["check"]


def check(subject: Subject) -> list[Finding]:
    """Send each known request once, and say for each signature where its requests come from.

    A request that is not answered is an error, and so is a signature that no request can use; one that no request is
    known for is a warning, not a silence.
    """
    findings = [_about(subject, signature) for signature in subject.signatures.values()]
    findings += [subject.finding("inputs", "notes", problem=note, severity="warning") for note in subject.notes]
    return findings


def _about(subject: Subject, signature: Signature) -> Finding:
    name = signature.name
    parts = _composite_parts(signature)
    if parts:
        return subject.finding(
            "inputs",
            name,
            problem=f"{' and '.join(parts)} of several tensors each (ragged or sparse), which no server can take or"
            " answer; export them as plain tensors, e.g. with to_tensor() or tf.sparse.to_dense",
            tried="read the signature",
            expected="inputs and outputs that are one tensor each",
        )
    if name in subject.unexercised:
        return subject.left_out("inputs", name, subject.unexercised[name], severity="warning")
    return _exercised(subject, name)


def _composite_parts(signature: Signature) -> list[str]:
    """Return the inputs and outputs that no tensor's name stands for (TensorInfo's other encodings)."""
    named = {"input": signature.inputs, "output": signature.outputs}
    return [
        f"{kind} {spec.name!r} consists"
        for kind, specs in named.items()
        for spec in specs
        if spec.tensor_name.startswith("(")
    ]


def _exercised(subject: Subject, name: str) -> Finding:
    client = subject.clients[0]
    obstacle = rest_obstacle(subject.signatures[name]) if client.api == "rest" else ""
    if obstacle:
        return subject.left_out("inputs", name, f"there is REST alone, and {obstacle}", severity="warning")
    requests = [request for request in subject.requests if request.signature_name == name]
    began = time.perf_counter_ns()
    faults = {index: fault for index, request in enumerate(requests) if (fault := _fault(client, request))}
    sources = ", ".join(dict.fromkeys(request.source for request in requests))
    return subject.finding(
        "inputs",
        name,
        problem=_problem(requests, faults),
        good=f"asked with {plural(len(requests), 'request')}: {sources}",
        severity="error" if faults else "info",
        tried="send each known request once",
        expected="an answer to each",
        reproduce=tuple(request_line(client, requests[index]) for index in list(faults)[:1]),
        duration_ns=time.perf_counter_ns() - began,
    )


def _problem(requests: list[Request], faults: dict[int, str]) -> str:
    """Return what is wrong, by the example of the first request that brought no answer."""
    if not faults:
        return ""
    index, fault = next(iter(faults.items()))
    about = f"{requests[index].source}: {fault}"
    if len(requests) == 1:
        return about
    return f"{len(faults)} of {len(requests)} requests brought no answer, the first of them number {index + 1}, {about}"


def _fault(client: Client, request: Request) -> str:
    """Return why a request brings no answer; empty if it brings one."""
    try:
        ask(client, request)
    except (CallError, TensorError) as exc:
        return str(exc)
    return ""
