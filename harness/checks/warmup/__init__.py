"""Warm-up: the requests that a version is warmed up with are answered, the server runs them, and what that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.warmup.gain import first_requests
from harness.checks.warmup.replay import replay
from harness.savedmodel import read_warmup

if TYPE_CHECKING:
    from harness.checks.subject import Subject
    from harness.findings import Finding

__all__ = ["check"]

_CHECK = "warmup"


def check(subject: Subject) -> list[Finding]:
    """Replay the model's warm-up records, and time its first request after a load with warm-up and without.

    Raises:
        SavedModelError: the file with the records is damaged.
    """
    if subject.version_dir is None:
        return [subject.left_out(_CHECK, "all", "the model's files are not at hand")]
    logs = read_warmup(subject.version_dir)
    findings = [replay(subject, logs)] if logs else []
    why_not = _why_no_server(subject, findings)
    if subject.stage is None or why_not:
        return [*findings, subject.left_out(_CHECK, "the first request after a load", why_not)]
    return findings + first_requests(subject, subject.stage, subject.version_dir, logs)


def _why_no_server(subject: Subject, findings: list[Finding]) -> str:
    if subject.stage is None:
        return "it needs a server that the harness starts itself"
    if any(finding.fails for finding in findings):
        return "a server would refuse a version with such a record"
    return "" if subject.requests else "no request is known that could be timed"
