"""Rollout: versions come and go, labels move, loads fail, while requests flow, and not one request goes wrong.

Played on a server of its own with copies of the served version. Copies answer alike, so who answered is told by the
version that gRPC answers carry; REST answers carry none, so of them only success and values are judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.rollout.play import SLOWEST_S, perform
from harness.checks.rollout.report import findings_of

if TYPE_CHECKING:
    from harness.checks.subject import Subject
    from harness.findings import Finding

__all__ = ["check"]


def check(subject: Subject) -> list[Finding]:
    """Roll copies of the served version out and back while several clients ask on and on."""
    if subject.stage is None or subject.version_dir is None:
        return [subject.left_out("rollout", "all", "it needs a server that the harness starts itself")]
    if not subject.requests:
        return [subject.left_out("rollout", "all", "no request is known that could flow meanwhile")]
    played = perform(subject, subject.stage, subject.version_dir)
    if played is None:
        return [
            subject.left_out(
                "rollout", "all", f"its smallest request takes over {SLOWEST_S:g} s, so a rollout would take minutes"
            )
        ]
    return findings_of(subject, played)
