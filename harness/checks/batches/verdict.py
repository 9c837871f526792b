"""What an answer to several rows says, and the finding that tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.checks.reproduce import request_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from harness.checks.rows import Batched
    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.findings import Finding

__all__ = ["GOOD", "problem_of", "verdict"]

_SHOWN_ROWS = 12
_DEPENDENT = "a row's answer depends on the rows that come with it (a mean over the batch, a layer in training mode?)"
GOOD = "each row brings the answer that it brings alone"


def problem_of(one: Batched, answer: Mapping[str, np.ndarray], rows: Sequence[int]) -> str:
    """Return what is wrong with the answer to these rows, and which kind of fault it is; empty if nothing is."""
    text = one.mismatch(answer, rows)
    if not text or not one.has_form(answer, rows):
        return text
    owners = one.mixed_up(answer, rows)
    return f"{text}; the rows are mixed up: {owners}" if owners else f"{text}; {_DEPENDENT}"


def verdict(
    subject: Subject,
    one: Batched,
    what: str,
    *,
    rows: Sequence[int],
    problem: str,
    client: GrpcClient | RestClient,
    good: str = GOOD,
    **parts: Any,
) -> Finding:
    """Return the finding about a batch of these rows.

    Args:
        subject: the model.
        one: its signature.
        what: what kind of batch.
        rows: the rows asked in one request, for ``tried`` and the line that asks it again.
        problem: what is wrong, empty if nothing is.
        client: what asked.
        good: what was seen if nothing is wrong.
        **parts: further fields of Finding.
    """
    shown = f"rows {list(rows)}" if len(rows) <= _SHOWN_ROWS else f"{len(rows):,} rows"
    told = {
        "tried": f"{one.pool.method} {shown} of {one.pool.source} in one request",
        "expected": "the answer that each row brings alone, but for float noise",
        "reproduce": (request_line(client, one.pool.take(rows)),) if problem else (),
        **parts,
    }
    return subject.finding("batches", f"{one.signature.name}: {what}", problem=problem, good=good, **told)
