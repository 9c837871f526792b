"""Which cases are recorded under which names, and which are out of date."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.checks.goldens.golden import Golden
from harness.checks.goldens.plan import plan_recording
from harness.checks.request import Request


def _request(number: float, *, signature: str = "serving_default", **more: Any) -> Request:
    return Request(signature_name=signature, inputs={"x": np.array([number], np.float32)}, **more)


def _golden(name: str, number: float, source: str = "", **more: Any) -> Golden:
    request = _request(number, source=f"golden {name}", **more)
    return Golden(name=name, request=request, outputs={}, provenance={"source": source} if source else {})


def _names(plan: Any) -> list[str]:
    return [case.name for case in plan.cases]


def test_requests_without_a_name_are_counted_by_signature() -> None:
    """A request takes its signature's name and the first free number; equal ones are recorded once."""
    requests = [_request(1), _request(2), _request(1), _request(1, signature="a/b c"), _request(1, signature=".")]
    plan = plan_recording([], requests)
    assert _names(plan) == ["serving_default-1", "serving_default-2", "a_b_c-1", "case-1"]
    assert (plan.stale, plan.refused) == ((), {})


def test_a_request_with_a_name_keeps_it() -> None:
    """The names that a repository gives are those of the files."""
    assert _names(plan_recording([], [_request(1, name="one"), _request(2)])) == ["one", "serving_default-1"]


def test_a_case_that_asks_the_same_is_that_case() -> None:
    """A known case keeps its name, whoever asks the same now; its file then tells of the new source."""
    known = [_golden("mine", 1, "made up"), _golden("serving_default-1", 2, "made up")]
    plan = plan_recording(known, [_request(1, source="examples"), _request(3, source="examples")])
    assert _names(plan) == ["mine", "serving_default-1", "serving_default-2"]
    assert [case.request.source for case in plan.cases] == ["examples", "made up", "examples"]
    assert [case.before for case in plan.cases] == [*known, None]
    assert plan.stale == ()


def test_cases_recorded_again_keep_their_source() -> None:
    """Where the requests are the recorded ones themselves, every case is recorded again as what it was."""
    known = [_golden("a", 1, "examples"), _golden("b", 2)]
    plan = plan_recording(known, [golden.request for golden in known])
    assert [(case.name, case.request.source) for case in plan.cases] == [("a", "examples"), ("b", "")]


def test_cases_that_their_source_no_longer_has_are_stale() -> None:
    """Only what came from the source at hand is out of date; its name is free again."""
    known = [_golden("serving_default-1", 1, "examples"), _golden("b", 2, "made up"), _golden("by_hand", 3)]
    plan = plan_recording(known, [_request(4, source="examples")])
    assert [golden.name for golden in plan.stale] == ["serving_default-1"]
    assert _names(plan) == ["b", "by_hand", "serving_default-1"]


def test_a_name_may_ask_something_new() -> None:
    """A request with the name and the source of a known case takes its place."""
    (case,) = plan_recording(
        [_golden("one", 1, "the examples")], [_request(2, name="one", source="the examples")]
    ).cases
    assert case.request.inputs["x"].tolist() == [2]
    assert case.before is not None
    assert case.before.request.inputs["x"].tolist() == [1]


def test_a_name_of_another_source_is_not_taken() -> None:
    """What somebody else recorded under a name is not written over."""
    plan = plan_recording([_golden("one", 1)], [_request(2, name="one", source="the examples")])
    assert plan.refused == {"one": "one.json is there already, from another source"}
    assert [case.request.inputs["x"].tolist() for case in plan.cases] == [[1]]


def test_examples_are_the_same_by_their_content() -> None:
    """Two requests of tf.Examples are one if their features are, as arrays or as lists."""
    listed = Request(method="classify", examples=({"x": [1.0]},))
    plan = plan_recording([], [listed, Request(method="classify", examples=({"x": np.ones(1, np.float32)},))])
    assert len(plan.cases) == 1
    assert len(plan_recording([], [listed, Request(method="regress", examples=({"x": [1.0]},))]).cases) == 2
