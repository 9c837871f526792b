"""Does the candidate answer as it was agreed? What is fast and wrong does not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.catalogue import CHECKS, run_check
from harness.checks.opening import open_subject
from harness.checks.subject import CheckOptions
from harness.signature_diff import diff

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.clients import GrpcClient, RestClient
    from harness.findings import Finding
    from harness.servers import Server
    from harness.signatures import Signature

__all__ = ["agreed_findings", "broken_signatures"]

_AGREED = ("contract", "goldens")


def broken_signatures(baseline: Mapping[str, Signature], candidate: Mapping[str, Signature]) -> list[str]:
    """Return what of the candidate's signatures breaks the baseline's callers, a line each."""
    return [f"the signatures break callers: {change}" for change in diff(baseline, candidate) if change.breaking]


def agreed_findings(
    server: Server,
    model: str,
    *,
    grpc: GrpcClient | None,
    rest: RestClient | None,
    contract: Path | None,
    goldens: Path | None,
    tags: tuple[str, ...] = ("serve",),
) -> list[Finding]:
    """Compare a served model with its committed contract and goldens, as ``check`` does; nothing without either.

    Raises:
        CheckError: a file cannot be read.
        CallError: the server cannot be asked.
    """
    wanted = {name for name, path in zip(_AGREED, (contract, goldens), strict=True) if path is not None}
    if not wanted:
        return []
    options = CheckOptions(contract=contract, goldens=goldens)
    subject = open_subject(server, model, grpc=grpc, rest=rest, tags=tags, options=options)
    return [finding for check in CHECKS if check.name in wanted for finding in run_check(check, subject)]
