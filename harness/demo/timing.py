"""Timing: when each stage of one image was, and what that makes of preprocessing, serving and postprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.measure.timed_client import ENCODE, READ, TRIP
from harness.stages import sum_by_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.stages import Span

__all__ = ["OTHER", "Group", "group_spans"]

OTHER = "not in a stage"
_CALL = (ENCODE, TRIP, READ)
_LEAST_SHARE = 0.01  # of the whole; less outside the stages goes without saying


@dataclass(frozen=True, kw_only=True)
class Group:
    """What came before, during or after the calls to the server.

    Attributes:
        name: preprocessing, serving or postprocessing.
        total_ns: from its begin to its end.
        stages_ns: time in each stage, by name; the time that is in none is `OTHER`, if it is worth a word.
    """

    name: str
    total_ns: int
    stages_ns: Mapping[str, int]


def group_spans(spans: Sequence[Span], *, began_ns: int, ended_ns: int) -> tuple[Group, ...]:
    """Return the three groups of the work on an image; together they are all of its time.

    Serving is from the begin of the first call of the server to the end of the last. Without a call all is
    preprocessing.

    Args:
        spans: what the clock kept, in order.
        began_ns: when the work began.
        ended_ns: and ended.
    """
    calls = [span for span in spans if span.name in _CALL]
    first_ns = calls[0].began_ns if calls else ended_ns
    last_ns = calls[-1].ended_ns if calls else ended_ns
    bounds = {
        "preprocessing": (began_ns, first_ns),
        "serving": (first_ns, last_ns),
        "postprocessing": (last_ns, ended_ns),
    }
    least_ns = _LEAST_SHARE * (ended_ns - began_ns)
    return tuple(
        _group(name, low, high, [span for span in spans if low <= span.began_ns < high], least_ns)
        for name, (low, high) in bounds.items()
    )


def _group(name: str, low_ns: int, high_ns: int, spans: Sequence[Span], least_ns: float) -> Group:
    stages_ns = sum_by_name(spans)
    other_ns = high_ns - low_ns - sum(stages_ns.values())
    if other_ns > least_ns:
        stages_ns[OTHER] = other_ns
    return Group(name=name, total_ns=high_ns - low_ns, stages_ns=stages_ns)
