"""Requests as they are put to a SavedModel without a server."""

from __future__ import annotations

import numpy as np

from harness.checks.local.questions import local_call, questions_of
from harness.checks.request import Request
from harness.clients.examples import serialized_example
from harness.savedmodel import LocalAnswer

_ONES = Request(inputs={"x": np.ones(2, np.float32)}, source="a test")


def test_examples_reach_the_graph_as_a_server_sends_them() -> None:
    """Each tf.Example is serialised with the context's features, of which it overrides those of its own."""
    request = Request(method="classify", examples=({"x": 1.0}, {"y": b"b"}), context={"y": b"c"})
    call = local_call(request)
    assert call.inputs["inputs"].tolist() == [
        serialized_example({"y": b"c", "x": 1.0}),
        serialized_example({"y": b"b"}),
    ]
    assert call.signature_name == "serving_default"


def test_questions_have_names_of_their_own() -> None:
    """The signature and the request's own name, or its source, are the name; alike ones are counted."""
    named = Request(inputs={"x": np.ones(1, np.int32)}, source="a test", name="one")
    assert [question.name for question in questions_of([_ONES, _ONES, named])] == [
        "serving_default, a test #1",
        "serving_default, a test #2",
        "serving_default, one",
    ]


def test_floats_are_asked_a_second_time_one_rounding_away() -> None:
    """A request is asked twice; one with floats also once with each of them moved to a neighbour."""
    (question,) = questions_of([_ONES])
    same, moved = question.calls
    assert (same.runs, moved.runs) == (2, 1)
    assert same.inputs["x"].tolist() == [1, 1]
    assert np.abs(moved.inputs["x"] - 1).max() in (np.float32(2**-23), np.float32(2**-24))
    (whole,) = questions_of([Request(inputs={"x": np.ones(1, np.int32)})])
    assert [call.runs for call in whole.calls] == [2]


def test_regress_answers_are_flat() -> None:
    """A graph's [N, 1] is compared as the [N] that a client gets."""
    (question,) = questions_of([Request(method="regress", examples=({"x": 1.0},))])
    runs = ({"outputs": np.ones((3, 1), np.float32)},) * 2
    answered = question.answered((LocalAnswer(runs=runs),))
    assert [run["outputs"].shape for run in answered.runs] == [(3,), (3,)]
    assert answered.nudged is None


def test_a_nudged_question_without_an_answer_is_no_error() -> None:
    """A model that refuses the neighbour of what it takes is judged without it."""
    (question,) = questions_of([_ONES])
    good = LocalAnswer(runs=({"y": np.ones(1)},) * 2)
    assert question.answered((good, LocalAnswer(error="ValueError"))).nudged is None
    assert question.answered((good, LocalAnswer(error="ValueError"))).error == ""
    assert question.answered((good, LocalAnswer(runs=({"y": np.zeros(1)},)))).nudged == {"y": np.zeros(1)}
