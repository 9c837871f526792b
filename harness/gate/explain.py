"""The verdict in a few lines that a tired person understands. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from harness.report import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.gate.budgets import Kept
    from harness.gate.rounds import Ruling
    from harness.gate.slices import Slicing
    from harness.results import GateVerdict, MetricRatio

__all__ = ["change", "explain"]


def explain(
    verdict: GateVerdict,
    *,
    ruling: Ruling | None,
    correctness: Sequence[str],
    budgets: Iterable[Kept],
    starts: int,
    slicing: Slicing | None,
    duration_s: float,
    command: Sequence[str],
) -> tuple[str, ...]:
    """Return what was found, how sure that is, and how to do it again: a line each.

    Args:
        verdict: of the whole.
        ruling: on the measurements, None if it did not come to any.
        correctness: how the candidate's answers are wrong.
        budgets: the promises.
        starts: of both servers.
        slicing: how blocks were cut, None if none was measured.
        duration_s: of the whole.
        command: what to type.
    """
    kept = list(budgets)
    reasons = [
        *correctness,
        *(f"the promise {each.budget} is broken: {each.seen}" for each in kept if each.state == "broken"),
        *(_regressions(ruling) if ruling is not None and verdict == "regressed" else ()),
    ]
    if ruling is not None and ruling.interrupted:
        seen = [change(row) for row in ruling.rows if row.decides]
        reasons = ["it was interrupted before it could be sure", *seen]
    elif verdict == "inconclusive":
        reasons += _open(ruling, kept)
    if not reasons and ruling is not None:
        reasons = ["; ".join(change(row) for row in ruling.rows if row.decides) or "no promise is broken"]
    return (
        f"{text.GATE_WORDS[verdict]}: {'; '.join(reasons)}.",
        _sureness(ruling, starts, slicing, duration_s),
        f"Again: {shlex.join(command)}",
    )


def change(row: MetricRatio) -> str:
    """Return what a metric did, e.g. ``server CPU per request +11 % (+8 to +14 %), 5 % more is tolerated``."""
    interval = "" if row.low is None or row.high is None else f" ({_percent(row.low)} to {_percent(row.high)} %)"
    return f"{row.title} {_percent(row.ratio)} %{interval}"


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f}"


def _regressions(ruling: Ruling) -> list[str]:
    bad = {row.metric for row in ruling.confirming if row.verdict == "regressed"} if ruling.confirming else None
    rows = [row for row in ruling.rows if row.verdict == "regressed" and (bad is None or row.metric in bad)]
    return [f"{change(row)}, {_tolerated(row)}" for row in rows]


def _tolerated(row: MetricRatio) -> str:
    return f"{100 * row.tolerance:g} % {'more' if row.lower_is_better else 'less'} is tolerated"


def _open(ruling: Ruling | None, budgets: Sequence[Kept]) -> list[str]:
    reasons = [
        f"the promise {each.budget} cannot be judged: {each.seen}" for each in budgets if each.state == "unknown"
    ]
    if ruling is None:
        return reasons
    if ruling.confirmed is False:
        suspects = ", ".join(change(row) for row in ruling.rows if row.verdict == "regressed")
        return [*reasons, f"{suspects} at first, but a fresh round did not show it again"]
    undecided = [row for row in ruling.rows if row.verdict == "inconclusive" and row.decides]
    reasons += [f"{change(row)}: {row.why} ({100 * row.tolerance:g} %)" for row in undecided]
    return reasons or ["none of the deciding metrics could be measured"]


def _sureness(ruling: Ruling | None, starts: int, slicing: Slicing | None, duration_s: float) -> str:
    if ruling is None or not ruling.rows:
        return f"It took {text.seconds(duration_s)}; no pair of measurements was judged."
    pairs = max(row.pairs for row in ruling.rows)
    parts = [f"{pairs} pairs{_cut(slicing)} over {starts} starts of both servers in {text.seconds(duration_s)}"]
    if ruling.confirmed:
        again = "; ".join(change(row) for row in ruling.confirming if row.verdict == "regressed")
        parts.append(f"a fresh round showed it again: {again}")
    floors = [row.floor for row in ruling.rows if row.decides and row.floor]
    if floors:
        parts.append(f"noise of this machine and run: up to {100 * max(floors):.1f} %")
    watched = [row for row in ruling.rows if not row.decides and row.verdict == "inconclusive"]
    if watched:
        parts.append(f"not settled, and not waited for: {', '.join(change(row) for row in watched)}")
    return f"{'; '.join(parts)}."


def _cut(slicing: Slicing | None) -> str:
    if slicing is None:
        return ""
    if slicing.count == 1:
        return f" of whole blocks of {text.seconds(slicing.slice_s)}"
    return f", each side in {slicing.count} slices of {text.seconds(slicing.slice_s)},"
