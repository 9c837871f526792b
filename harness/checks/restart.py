"""Restart: the server is killed as a crash would and started again, and the same clients get the same answers.

On a server of its own. Meanwhile requests fail, and they have to say why: that nothing answers there.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.checks.likeness import unlike
from harness.checks.request import answer_arrays, send
from harness.checks.rerun import check_line
from harness.clients import GrpcClient, RestClient
from harness.errors import ConnectionFailedError, HarnessError, ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from harness.checks.request import Request
    from harness.checks.subject import Subject
    from harness.findings import Finding
    from harness.servers import Server

__all__ = ["check"]

_CHECK = "restart"
_OUTAGE_TIMEOUT_S = 10.0
_BACK_WITHIN_S = 30.0
_ASK_FOR_S = 3.0
_TRY_S = 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class _Known:
    """A request, and what it brought before the server was killed.

    Attributes:
        request: the request.
        version: the version that answered; None over REST, whose answers do not tell.
        outputs: array by output name; None if they differ from call to call, so that nothing can be compared.
    """

    request: Request
    version: int | None
    outputs: Mapping[str, np.ndarray] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Caller:
    """A client that lives on while its server dies, and the requests it knows the answers of.

    Attributes:
        client: the client.
        known: what was answered before.
    """

    client: GrpcClient | RestClient
    known: Sequence[_Known]

    @property
    def api(self) -> str:
        """The API's name, for people."""
        return "gRPC" if self.client.api == "grpc" else "REST"


def check(subject: Subject) -> list[Finding]:
    """Kill a server, see its requests fail, start it again, and compare all answers.

    Raises:
        ServerError: the server did not become ready at first.
    """
    if subject.stage is None:
        return [subject.left_out(_CHECK, "all", "it needs a server that the harness starts itself")]
    if not subject.requests:
        return [subject.left_out(_CHECK, "all", "no request is known")]
    with subject.stage.server() as server, ExitStack() as stack:
        endpoint = server.endpoint_of(subject.model)
        clients = (stack.enter_context(GrpcClient(endpoint)), stack.enter_context(RestClient(endpoint)))
        callers = [_Caller(client=client, known=_ask_all(subject, client)) for client in clients]
        findings = [_mute(subject, caller) for caller in callers if not caller.known]
        callers = [caller for caller in callers if caller.known]
        server.kill()
        findings += [_outage(subject, caller) for caller in callers]
        findings.append(_start_again(subject, server))
        if findings[-1].fails:
            return findings
        if server.endpoint_of(subject.model) != endpoint:
            why = "the server came back at other ports, as on a Docker engine of another machine; clients cannot know"
            return [*findings, subject.left_out(_CHECK, "the clients come back", why)]
        for caller in callers:
            findings += [_back(subject, caller), _answers(subject, caller)]
    return findings


def _ask_all(subject: Subject, client: GrpcClient | RestClient) -> list[_Known]:
    """Ask every request twice, as far as time allows; leave out those that this API cannot carry, or that fail."""
    known: list[_Known] = []
    began_s = time.monotonic()
    for request in subject.requests:
        if known and time.monotonic() - began_s > _ASK_FOR_S:
            break
        try:
            first, second = send(client, request), send(client, request)
        except HarnessError:
            continue  # other checks say so
        outputs = answer_arrays(first)
        is_steady = not unlike(answer_arrays(second), outputs)
        version = first.model_version if client.api == "grpc" else None
        known.append(_Known(request=request, version=version, outputs=outputs if is_steady else None))
    return known


def _mute(subject: Subject, caller: _Caller) -> Finding:
    return subject.left_out(_CHECK, f"answers over {caller.api}", "no request is answered, even before the server ends")


def _outage(subject: Subject, caller: _Caller) -> Finding:
    """See that a request fails at once and says that nothing answers."""
    began_ns = time.perf_counter_ns()
    try:
        send(caller.client, caller.known[0].request, timeout_s=_OUTAGE_TIMEOUT_S)
        problem, good = "it is answered, though the server was killed", ""
    except ConnectionFailedError as exc:
        problem, good = "", str(exc).partition("\n")[0]
    except HarnessError as exc:
        problem, good = f"{type(exc).__name__}: {str(exc).partition(chr(10))[0]}", ""
    took_ns = time.perf_counter_ns() - began_ns
    return subject.finding(
        _CHECK,
        f"a request over {caller.api} while the server is down",
        problem=problem,
        good=f"failed after {took_ns / 1e6:.0f} ms: {good}",
        tried="kill the server and send a request",
        expected="an error that says that nothing answers there",
        reproduce=(check_line(subject, _CHECK),),
        duration_ns=took_ns,
    )


def _start_again(subject: Subject, server: Server) -> Finding:
    began_ns = time.perf_counter_ns()
    problem = ""
    try:
        server.restart()
    except ServerError as exc:
        problem = str(exc)
    took_ns = time.perf_counter_ns() - began_ns
    return subject.finding(
        _CHECK,
        "the server starts again",
        problem=problem,
        good=f"ready {took_ns / 1e9:.2f} s after it was started again",
        tried="start the killed server again",
        expected="all versions become available",
        reproduce=(check_line(subject, _CHECK),),
        duration_ns=took_ns,
    )


def _back(subject: Subject, caller: _Caller) -> Finding:
    """See that a client that saw the server die is answered again, and when."""
    began_ns = time.perf_counter_ns()
    error = "not tried"
    while error and time.perf_counter_ns() - began_ns < _BACK_WITHIN_S * 1e9:
        try:
            send(caller.client, caller.known[0].request)
            error = ""
        except HarnessError as exc:
            error = str(exc).partition("\n")[0]
            time.sleep(_TRY_S)
    took_ns = time.perf_counter_ns() - began_ns
    return subject.finding(
        _CHECK,
        f"the {caller.api} client comes back",
        problem=f"no answer within {_BACK_WITHIN_S:g} s after the server was ready again: {error}" if error else "",
        good=f"the same client is answered {took_ns / 1e9:.2f} s after the server was ready again",
        tried="ask again with the client that was there before",
        expected="an answer, without a new client",
        reproduce=(check_line(subject, _CHECK),),
        duration_ns=took_ns,
    )


def _answers(subject: Subject, caller: _Caller) -> Finding:
    began_ns = time.perf_counter_ns()
    differences = [(known, _difference(caller, known)) for known in caller.known]
    wrong = [f"{known.request.signature_name} ({known.request.source}): {text}" for known, text in differences if text]
    unsteady = sum(known.outputs is None for known in caller.known)
    note = f" ({unsteady} with values that differ from call to call, so by the same version)" if unsteady else ""
    return subject.finding(
        _CHECK,
        f"answers over {caller.api}",
        problem=f"{len(wrong)} of {len(caller.known)} requests are answered otherwise: {wrong[0]}" if wrong else "",
        good=f"{len(caller.known)} of {len(subject.requests)} requests were asked, all answered as before{note}",
        tried="send the requests that were answered before the server was killed",
        expected="the same answers, by the same version",
        reproduce=(check_line(subject, _CHECK),),
        duration_ns=time.perf_counter_ns() - began_ns,
    )


def _difference(caller: _Caller, known: _Known) -> str:
    """Return how an answer differs from the one before; empty if it does not."""
    try:
        answer = send(caller.client, known.request)
    except HarnessError as exc:
        return str(exc).partition("\n")[0]
    if known.version is not None and answer.model_version != known.version:
        return f"version {answer.model_version} answers, before it was version {known.version}"
    if known.outputs is None:
        return ""
    return unlike(answer_arrays(answer), known.outputs)
