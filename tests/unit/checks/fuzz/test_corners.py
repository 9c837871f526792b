"""Requests that no seed leaves out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from harness import Signature, TensorSpec
from harness.checks.fuzz.corners import corners
from harness.checks.fuzz.hunt import hunt
from harness.checks.fuzz.strategies import fits
from harness.dtypes import DTYPES
from harness.tensors import to_proto


def _signature(*specs: tuple[str, str, Any]) -> Signature:
    return Signature(
        name="s",
        method_name="",
        inputs=tuple(TensorSpec(name=name, dtype=dtype, shape=shape) for name, dtype, shape in specs),
        outputs=(),
    )


@pytest.mark.parametrize("dtype", [row.name for row in DTYPES if row.kind != "opaque" and not row.name.startswith("q")])
def test_every_corner_fits_and_can_be_sent(dtype: str) -> None:
    """Whatever dtype and shape, corners fit the signature and have a message."""
    for shape in (None, (), (None,), (None, 2), (3,), (0, None)):
        signature = _signature(("x", dtype, shape), ("y", "int8", shape))
        found = corners(signature)
        assert len(found) > 5
        for arrays in found:
            assert fits(signature, arrays)
            to_proto(arrays["x"])


def test_floats_have_the_corners_one_knows() -> None:
    """Ones, no rows, NaN, both infinities, the limits and denormals: each is there, in one row."""
    ones, empty, *full = [arrays["x"] for arrays in corners(_signature(("x", "float32", (None, 2))))]
    assert ones.tolist() == [[1.0, 1.0]]
    assert empty.shape == (0, 2)
    assert {array.shape for array in full} == {(1, 2)}
    values = [float(array[0, 0]) for array in full]
    info = np.finfo(np.float32)
    assert {np.inf, -np.inf, float(info.max), float(info.min), float(info.smallest_subnormal)} <= set(values)
    assert np.isnan(values).sum() == 1


def test_one_input_is_at_a_corner_at_a_time() -> None:
    """The other inputs keep the values of the first row of a known request."""
    signature = _signature(("x", "float32", (None,)), ("y", "string", (None,)))
    known = {"x": np.array([4.5, 5.5], np.float32), "y": np.array([b"left", b"right"], dtype=object)}
    first, _, *full = corners(signature, near=[known])
    assert (first["x"].tolist(), first["y"].tolist()) == ([4.5], [b"left"])
    assert all(arrays["x"].tolist() == [4.5] or arrays["y"].tolist() == [b"left"] for arrays in full)
    assert any(arrays["y"].tolist() == [b"\xff\xfe"] for arrays in full)


def test_what_is_no_batch_stays_whole() -> None:
    """A known request of a fixed first dimension keeps it."""
    signature = _signature(("x", "bool", (2,)), ("y", "bool", (None,)))
    known = {"x": np.array([True, False]), "y": np.array([True, True])}
    assert all(arrays["x"].shape == (2,) for arrays in corners(signature, near=[known]))


def test_rows_may_be_asked_for() -> None:
    """Where a server must have rows, no corner is without."""
    assert all(len(arrays["x"]) for arrays in corners(_signature(("x", "int32", (None,))), min_size=1))


def test_no_inputs_have_one_corner() -> None:
    """A signature without inputs is asked without any."""
    assert corners(_signature()) == [{}]


@pytest.mark.parametrize("count", [1, 2, 13, 60])
@pytest.mark.parametrize("seed", ["0", "1 serving_default"])
def test_a_hunt_leaves_no_corner_out(count: int, seed: str) -> None:
    """Of a fixed set of examples each one is asked, whatever the seed."""
    asked: set[int] = set()
    hunt(
        st.sampled_from(range(count)),
        lambda example: asked.add(example) or (),
        key=lambda example: example,
        seed=seed,
        examples=2 * count + 1,
        limit_s=60.0,
    )
    assert asked == set(range(count))
