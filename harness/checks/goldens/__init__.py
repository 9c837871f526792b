"""Goldens: recorded requests with the answers they must bring, one JSON file for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.goldens.files import read_goldens, write_golden
from harness.checks.goldens.golden import Golden
from harness.checks.goldens.recording import record_golden, update_goldens
from harness.checks.goldens.replay import check_golden
from harness.checks.parity import rest_obstacle

if TYPE_CHECKING:
    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.findings import Finding

__all__ = ["Golden", "check", "check_golden", "read_goldens", "record_golden", "write_golden"]


def check(subject: Subject) -> list[Finding]:
    """Replay the recorded cases over every API that can carry them; with ``update_goldens`` record them instead."""
    directory = subject.options.goldens
    if directory is None:
        return []
    if subject.options.update_goldens:
        return update_goldens(subject, directory)
    return [_over(subject, client, golden) for golden in read_goldens(directory) for client in subject.clients]


def _over(subject: Subject, client: GrpcClient | RestClient, golden: Golden) -> Finding:
    signature = subject.signatures.get(golden.request.signature_name)
    obstacle = rest_obstacle(signature) if client.api == "rest" and signature is not None else ""
    if obstacle:
        return subject.left_out("goldens", f"{golden.name} over REST", obstacle)
    return check_golden(client, golden, provenance=subject.provenance)
