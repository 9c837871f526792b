"""The three groups of an image's time."""

from __future__ import annotations

import pytest

from harness.demo.timing import OTHER, Group, group_spans
from harness.stages import Span, StageClock


def _spans(*given: tuple[str, int, int]) -> list[Span]:
    return [Span(name=name, began_ns=began_ns, ended_ns=ended_ns) for name, began_ns, ended_ns in given]


CALL = (("encode request", 1200, 1300), ("send to reply", 1300, 1700), ("read answer", 1700, 1750))


def test_groups_are_all_of_the_time() -> None:
    """Before, within and after the call add up to the whole; what is in no stage is told where it is a hundredth."""
    spans = _spans(("decode", 1000, 1150), *CALL, ("draw", 1755, 1900), ("draw", 1900, 1990))
    groups = group_spans(spans, began_ns=1000, ended_ns=2000)
    assert groups == (
        Group(name="preprocessing", total_ns=200, stages_ns={"decode": 150, OTHER: 50}),
        Group(name="serving", total_ns=550, stages_ns={"encode request": 100, "send to reply": 400, "read answer": 50}),
        Group(name="postprocessing", total_ns=250, stages_ns={"draw": 235, OTHER: 15}),
    )
    assert sum(group.total_ns for group in groups) == 1000


def test_code_that_names_no_stages_has_its_time_all_the_same() -> None:
    """Without a clock in the client code the call alone has stages, and the rest is told as in none."""
    before, _, after = group_spans(_spans(*CALL), began_ns=1000, ended_ns=2000)
    assert (before.stages_ns, after.stages_ns) == ({OTHER: 200}, {OTHER: 250})


def test_several_calls_are_one_group() -> None:
    """What lies between two calls is a part of serving, and a stage that comes again is added up."""
    again = [(name, began + 1000, ended + 1000) for name, began, ended in CALL]
    _, serving, after = group_spans(_spans(*CALL, ("sort", 1800, 2100), *again), began_ns=1000, ended_ns=2750)
    assert serving.total_ns == 1550
    assert serving.stages_ns["send to reply"] == 800
    assert serving.stages_ns["sort"] == 300
    assert after.total_ns == 0


def test_without_a_call_all_is_preprocessing() -> None:
    """Client code that never asks has no serving."""
    groups = group_spans(_spans(("decode", 1000, 1400)), began_ns=1000, ended_ns=1500)
    assert [group.total_ns for group in groups] == [500, 0, 0]


def test_a_span_is_kept_also_of_a_stage_that_fails() -> None:
    """The clock counts as any StageClock does, and keeps begin and end, in order."""
    clock = StageClock()
    with clock("decode"):
        pass
    with pytest.raises(ValueError, match="broken"), clock("draw"):
        raise ValueError("broken")
    assert [span.name for span in clock.spans] == ["decode", "draw"]
    assert all(span.began_ns <= span.ended_ns for span in clock.spans)
    assert set(clock.stages_ns) == {"decode", "draw"}
