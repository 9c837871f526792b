"""Contract: are the signatures the agreed ones, on disk, over gRPC, over REST and in the committed contract file?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.contract.agreement import check_agreement, update_agreement
from harness.checks.contract.sources import compare_sources, read_sources
from harness.checks.contract.traps import find_traps

if TYPE_CHECKING:
    from harness.checks.subject import Subject
    from harness.findings import Finding

__all__ = ["check"]


def check(subject: Subject) -> list[Finding]:
    """Compare a subject's signatures wherever they can be read, and name what will trap its callers."""
    sources, faults = read_sources(subject)
    findings = [*faults, *compare_sources(subject, sources)]
    if subject.options.update_contract:
        findings.append(update_agreement(subject, [] if faults else sources))
    else:
        findings += check_agreement(subject, sources)
    return findings + find_traps(subject)
