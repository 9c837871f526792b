"""A look at both sides before anything is measured: what to send, and whether the candidate keeps what was agreed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.clients import GrpcClient, RestClient
from harness.gate.correctness import agreed_findings, broken_signatures
from harness.measure import pool_for
from harness.surroundings import backend_of

if TYPE_CHECKING:
    from harness.findings import Finding
    from harness.gate.contender import Prepared
    from harness.gate.run import GateOptions
    from harness.measure import RequestPool
    from harness.results import Backend
    from harness.servers import Server

__all__ = ["Look", "look_over"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen.

    Attributes:
        pool: the requests to send.
        wrong: how the candidate answers otherwise than it should; any is a regression.
        findings: of the checks.
        backend: what served.
    """

    pool: RequestPool
    wrong: tuple[str, ...]
    findings: tuple[Finding, ...]
    backend: Backend


def look_over(baseline: Prepared, candidate: Prepared, options: GateOptions) -> Look:
    """Ask both sides once: for the requests to send, and whether the candidate keeps what was agreed."""
    name = baseline.contender.name
    server, _ = baseline.start()
    with server, ExitStack() as stack:
        grpc, rest = _clients(server, stack)
        backend = backend_of(server)
        signatures = (grpc or rest).signatures()  # type: ignore[union-attr]
        pool = pool_for(
            server,
            options.api,
            examples=options.examples,
            goldens=options.goldens,
            signature=options.signature,
            batch_size=options.batch_size,
            seed=options.seed,
            tags=baseline.contender.tags,
        )
    server, _ = candidate.start()
    with server, ExitStack() as stack:
        grpc, rest = _clients(server, stack)
        wrong = broken_signatures(signatures, (grpc or rest).signatures())  # type: ignore[union-attr]
        findings = agreed_findings(
            server,
            name,
            grpc=grpc,
            rest=rest,
            contract=options.contract,
            goldens=options.goldens,
            tags=candidate.contender.tags,
        )
    wrong += [f"{each.check}: {each.subject}: {each.seen}" for each in findings if each.fails]
    return Look(pool=pool, wrong=tuple(wrong), findings=tuple(findings), backend=backend)


def _clients(server: Server, stack: ExitStack) -> tuple[GrpcClient | None, RestClient | None]:
    endpoint = server.endpoint
    grpc = stack.enter_context(GrpcClient(endpoint)) if endpoint.grpc is not None else None
    rest = stack.enter_context(RestClient(endpoint)) if endpoint.rest is not None else None
    return grpc, rest
