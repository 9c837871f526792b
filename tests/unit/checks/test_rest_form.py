"""What REST carries, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks.request import Request
from harness.checks.rest_form import carried, is_exact, remarks, request_obstacle, written
from harness.standin.json.number import read_number
from harness.tensors import as_array
from harness.tensors_json import dumps, to_json_value

_LOST = "JSON's lists cannot show its shape"
_TINY = np.float32(1e-40)


def _read_by_a_server(array: np.ndarray) -> np.ndarray:
    """Return the doubles that a server reads from what a client writes for a flat array."""
    texts = dumps(to_json_value(array)).strip(b"[]").split(b",")
    return np.array([read_number(text, 0)[0] for text in texts], np.float64)


@given(st.floats(1e-8, 9e22), st.sampled_from([1, -1]))
def test_carried_doubles_are_read_exactly(value: float, sign: int) -> None:
    """A float64 that is rounded to 13 digits is read by a server just as it was sent."""
    request = carried(Request(inputs={"x": np.array([sign * value])}))
    assert is_exact(request)
    x = request.inputs["x"]
    assert _read_by_a_server(x)[0] == x[0]
    assert abs(x[0] - sign * value) <= 1e-12 * value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_carried_floats_are_read_exactly(value: float) -> None:
    """Any normal float32 is read by a server just as it was sent; denormal ones are zero on both sides."""
    x = carried(Request(inputs={"x": np.array([value], np.float32)})).inputs["x"]
    assert _read_by_a_server(x).astype(np.float32)[0] == x[0]
    assert x[0] == (value if abs(value) >= np.finfo(np.float32).tiny else 0)


@pytest.mark.parametrize("value", [1e-9, -1e30, 1e-300])
def test_doubles_of_very_large_powers_may_be_off(value: float) -> None:
    """Beyond powers of ten that doubles hold exactly, equality is not claimed."""
    assert not is_exact(Request(inputs={"x": np.array([value])}))
    assert is_exact(Request(inputs={"x": np.array([value], np.float32), "y": np.array([0.0, np.inf, np.nan])}))


def test_what_json_carries_as_it_is_stays() -> None:
    """Integers, texts and booleans are not touched."""
    inputs = {"i": np.array([2**63 - 1]), "s": as_array(["a"]), "b": np.array([True])}
    assert all(array is inputs[name] for name, array in carried(Request(inputs=inputs)).inputs.items())


def test_denormal_answers_are_written_as_zeros_of_their_sign() -> None:
    """REST writes 0.0 or -0.0 for a denormal number (behaviour items 142, 162)."""
    outputs = {"y": np.array([_TINY, -_TINY, 1.0], np.float32)}
    array = written(outputs, outputs)["y"]
    assert array.tolist() == [0.0, 0.0, 1.0]
    assert np.signbit(array).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("answered", "seen", "shown"),
    [((0, 4), (0,), (0,)), ((2, 0, 3), (2, 0), (2, 0)), ((0, 4), (1,), (0, 4)), ((2, 3), (2,), (2, 3))],
)
def test_an_empty_answer_has_the_shape_that_lists_show(answered: Any, seen: Any, shown: Any) -> None:
    """JSON's lists end where a size is zero; other shapes must agree."""
    assert written({"y": np.zeros(answered)}, {"y": np.zeros(seen)})["y"].shape == shown
    assert written({"y": np.zeros(answered)}, {})["y"].shape == answered


@pytest.mark.parametrize(("shape", "why"), [((0, 4), _LOST), ((2, 0, 3), _LOST), ((2, 0), ""), ((0,), ""), ((), "")])
def test_an_empty_input_may_lose_its_shape(make: Any, shape: Any, why: str) -> None:
    """An input whose shape lists cannot show is not sent over REST."""
    obstacle = request_obstacle(make.signature(), Request(inputs={"x": np.zeros(shape, np.float32)}))
    assert why in obstacle
    assert bool(why) is bool(obstacle)


def test_rest_knows_no_defaults(make: Any) -> None:
    """A request that leaves an input to its default has no REST form (behaviour item 152)."""
    signature = make.signature([make.spec("x"), replace(make.spec("k"), has_default=True)])
    request = Request(inputs={"x": np.zeros((1, 2), np.float32)})
    assert "the request leaves out 'k'" in request_obstacle(signature, request)
    assert not request_obstacle(signature, replace(request, method="classify"))
    assert not request_obstacle(signature, Request(inputs={**request.inputs, "k": np.zeros(1)}))


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("text", as_array([b"\xff"]), "name the output text_bytes"),
        ("text_bytes", as_array([b"\xff"]), ""),
        ("text", as_array(["ü"]), ""),
        ("y", np.array([1.0, np.inf]), "NaN or infinity"),
        ("y", np.array([1.0]), ""),
        ("n", np.array([2**53 + 1]), "integers beyond 2**53"),
        ("n", np.array([-(2**53) - 1]), "integers beyond 2**53"),
        ("n", np.array([2**63], np.uint64), "integers beyond 2**53"),
        ("n", np.array([2**53]), ""),
        ("n", np.array([], np.int64), ""),
        ("n", np.array([2**31 - 1], np.int32), ""),
    ],
)
def test_what_json_readers_stumble_over_is_remarked(name: str, array: np.ndarray, words: str) -> None:
    """Bytes that are no text, numbers that JSON has not, and integers that doubles round."""
    found = remarks({name: array})
    assert [words in remark.text for remark in found] == ([True] if words else [])
    assert [remark.severity for remark in found if name == "text"] == (["warning"] if words and name == "text" else [])
