"""Requests, and how they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.checks.request import Request, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.checks.subject import Subject


def test_rows_are_the_common_first_dimension() -> None:
    """Inputs that share it are a batch; scalars, different sizes, and no input are none."""
    two, three, scalar = np.zeros((2, 3)), np.zeros(3), np.zeros(())
    assert Request(inputs={"x": two}).rows == 2
    assert Request(inputs={"x": two, "y": two}).rows == 2
    assert Request(inputs={"x": two, "y": three}).rows is None
    assert Request(inputs={"x": two, "y": scalar}).rows is None
    assert Request(inputs={"x": scalar}).rows is None
    assert Request().rows is None
    assert Request(method="classify", examples=({}, {}, {})).rows == 3


def test_rows_can_be_taken_in_any_order() -> None:
    """The same request with some rows, one of them twice; everything else is kept."""
    request = Request(signature_name="s", inputs={"x": np.arange(6).reshape(3, 2), "y": np.arange(3)}, source="here")
    taken = request.take([2, 0, 2])
    assert taken.inputs["x"].tolist() == [[4, 5], [0, 1], [4, 5]]
    assert taken.inputs["y"].tolist() == [2, 0, 2]
    assert (taken.signature_name, taken.source) == ("s", "here")
    examples = Request(method="regress", examples=({"a": 1}, {"a": 2}), context={"c": 1}).take(range(1))
    assert (examples.examples, examples.context) == (({"a": 1},), {"c": 1})


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_all_methods_answer_arrays(opened: Callable[..., Subject], api: str) -> None:
    """Predict, Classify and Regress come back alike over both APIs."""
    client = getattr(opened("half_plus_two"), api)
    rows = ({"x": [1.0]}, {})
    predict = ask(client, Request(inputs={"x": np.array([1.0, 2.0], np.float32)}))
    assert predict["y"].tolist() == [4.5, 5.0]
    classify = Request(signature_name="classify_x_to_y", method="classify", examples=rows, context={"x": [4.0]})
    answer = ask(client, classify)
    assert answer["classes"].tolist() == [[b"y"], [b"y"]]
    assert answer["scores"].tolist() == [[4.5], [6.0]]
    assert answer["scores"].dtype == np.float32
    regress = Request(signature_name="regress_x_to_y", method="regress", examples=rows, context={"x": [4.0]})
    assert ask(client, regress)["outputs"].tolist() == [4.5, 6.0]


def test_a_version_and_a_time_limit_can_be_given(opened: Callable[..., Subject]) -> None:
    """They reach the server."""
    client = opened("half_plus_two").clients[0]
    request = Request(inputs={"x": np.zeros(1, np.float32)})
    assert ask(client, request, version=3, timeout_s=60)["y"].tolist() == [4.0]
