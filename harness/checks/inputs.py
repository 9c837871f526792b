"""Inputs: which requests the other checks ask with, where they come from, and what could not be exercised."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.checks.subject import Subject
    from harness.findings import Finding

__all__ = ["check"]


def check(subject: Subject) -> list[Finding]:
    """Say for each signature what it is asked with; a signature without requests is a warning, not a silence."""
    findings = [_exercised(subject, name) for name in subject.signatures if name not in subject.unexercised]
    findings += [subject.left_out("inputs", name, why, severity="warning") for name, why in subject.unexercised.items()]
    findings += [subject.left_out("inputs", "requests", note, severity="warning") for note in subject.notes]
    return findings


def _exercised(subject: Subject, name: str) -> Finding:
    sources = [request.source for request in subject.requests if request.signature_name == name]
    return subject.finding(
        "inputs",
        name,
        good=f"asked with {len(sources)} request{'s' if len(sources) > 1 else ''}: {', '.join(dict.fromkeys(sources))}",
        severity="info",
    )
