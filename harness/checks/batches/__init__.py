"""Batches: every row brings the answer that it brings alone, whatever other rows come with it.

In one request, in any order, in batches of any size; when many clients ask at once; and when the server itself merges
the requests of several clients into one batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.batches.crowd import check_crowd
from harness.checks.batches.merging import check_merging
from harness.checks.batches.sizes import check_sizes
from harness.checks.rows import NotBatched, ask_rows

if TYPE_CHECKING:
    from harness.checks.rows import Batched
    from harness.checks.subject import Subject
    from harness.findings import Finding
    from harness.signatures import Signature

__all__ = ["check"]

_NAME = "batches"


def check(subject: Subject) -> list[Finding]:
    """Ask the known rows of each signature in batches of all kinds."""
    found: list[Finding] = []
    batched: list[Batched] = []
    asked = {request.signature_name for request in subject.requests}
    for signature in subject.signatures.values():
        if signature.name not in asked:
            continue
        one = ask_rows(subject, subject.clients[0], signature)
        if isinstance(one, NotBatched):
            found.append(_not_batched(subject, signature, one))
            continue
        found += _left_out(subject, one)
        found += check_sizes(subject, one)
        if not one.fault:  # where rows together are wrong, rows of many clients are so as well
            batched.append(one)
    return found + check_crowd(subject, batched) + check_merging(subject, batched)


def _not_batched(subject: Subject, signature: Signature, one: NotBatched) -> Finding:
    if one.severity == "info":
        return subject.left_out(_NAME, signature.name, one.why)
    return subject.finding(
        _NAME,
        f"{signature.name}: rows together and alone",
        problem=one.why,
        tried="ask each known row alone, and all of them together",
        expected="a row for each row",
        severity=one.severity,
    )


def _left_out(subject: Subject, one: Batched) -> list[Finding]:
    name = one.signature.name
    found = [subject.left_out(_NAME, f"{name}: output {output}", why) for output, why in one.left_out.items()]
    if not one.is_telling:
        known = "one row is known" if one.count == 1 else f"the {one.count} rows known bring the same answer"
        why = f"{known}, so a mix-up would not show; give others with --examples"
        found.append(subject.left_out(_NAME, f"{name}: which row an answer is for", why))
    return found
