"""What counts as noise and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest

from harness.checks.noise import Noise, noise_of
from harness.checks.subject import Subject
from harness.tensors import as_array

if TYPE_CHECKING:
    from pathlib import Path

_NOISE = Noise()


def _texts(seen: Any, expected: Any, noise: Noise = _NOISE, **usual: float) -> list[str]:
    return [one.text for one in noise.mismatches({"y": seen}, {"y": expected}, usual=usual)]


@pytest.mark.parametrize(
    ("dtype", "same", "other"),
    [
        (np.float64, 1 + 5e-5, 1.01),
        (np.float32, 1 + 5e-5, 1.01),
        (np.complex64, 1 + 5e-5j, 1 + 0.01j),
        (np.float16, 1.01, 1.1),
        (ml_dtypes.bfloat16, 1.06, 1.3),
        (ml_dtypes.float8_e4m3fn, 1.25, 2.0),
    ],
)
def test_each_float_type_has_its_noise(dtype: Any, same: Any, other: Any) -> None:
    """A difference below the noise of the type is none, one above is told with both values."""
    expected = np.ones((2, 2), dtype)
    for value, is_noise in ((same, True), (other, False)):
        seen = expected.copy()
        seen[1, 0] = value
        texts = _texts(seen, expected)
        assert (not texts) is is_noise
        assert is_noise or texts[0].startswith("[1, 0] is ")


def test_a_model_without_coarse_types_is_held_to_more() -> None:
    """Where nothing coarser than float64 is computed, less is noise."""
    expected = np.ones(3)
    assert _texts(expected + 1e-6, expected, Noise(coarsest=0.0))
    assert not _texts(expected + 1e-11, expected, Noise(coarsest=0.0))


def test_noise_goes_by_the_largest_of_a_row() -> None:
    """A small value next to a large one of its row may be off by as much; in a row of small ones it may not."""
    expected = np.array([[1000.0, 0.001], [0.002, 0.001]], np.float32)
    assert not _texts(expected + np.array([[0, 0.05], [0, 0]], np.float32), expected)
    (text,) = _texts(expected + np.array([[0, 0], [0, 0.05]], np.float32), expected)
    assert text.startswith("[1, 1] is 0.051, expected 0.001 (float noise explains 0.0001; 1 of 4 differ)")


def test_outputs_of_small_values_are_held_to_them() -> None:
    """Where all values are small, so is their noise, unless the output is known to have larger ones."""
    expected = np.array([1e-6, 2e-6], np.float32)
    assert _texts(expected * np.float32(1.5), expected)
    assert not _texts(expected * np.float32(1.5), expected, y=1.0)


@pytest.mark.parametrize(
    ("seen", "expected"), [([np.nan, np.inf, -np.inf], [np.nan, np.inf, -np.inf]), ([1e-40, 0.0], [0.0, 1e-41])]
)
def test_numbers_that_are_not_finite_or_normal_are_themselves(seen: Any, expected: Any) -> None:
    """NaN equals NaN, infinities equal themselves, and denormal numbers are zero, as REST writes them."""
    assert not _texts(np.array(seen, np.float32), np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("seen", "expected"), [([np.nan, 1], [1, np.nan]), ([np.inf, 1], [-np.inf, 1]), ([np.inf, 1], [1, np.inf])]
)
def test_numbers_that_are_not_finite_are_no_others(seen: Any, expected: Any) -> None:
    """NaN and infinities are no noise around a number, nor around each other."""
    assert _texts(np.array(seen, np.float32), np.array(expected, np.float32))


def test_few_integers_may_be_off_by_one_where_floats_are_rounded() -> None:
    """One pixel in two hundred that is off by one is rounding; two off, many off, or a model of integers is not."""
    expected = np.full((2, 100), 255, np.uint8)
    seen = expected.copy()
    seen[0, 0] = 254
    assert not _texts(seen, expected)
    assert _texts(seen, expected, Noise(coarsest=0.0))
    seen[0, 0] = 253
    assert _texts(seen, expected)
    assert _texts(expected - 1, expected)


def test_all_else_is_exact() -> None:
    """Texts, booleans, shapes, dtypes and the outputs that are there have no noise."""
    assert _texts(as_array(["a", "b"]), as_array(["a", "c"])) == ["[1] is b'b', expected b'c' (1 of 2 differ)"]
    assert _texts(np.array([True]), np.array([False]))
    assert _texts(np.ones(2, np.float32), np.ones(3, np.float32)) == ["shape [2], expected [3]"]
    assert _texts(np.ones(2, np.float32), np.ones(2)) == ["dtype float32, expected float64"]
    assert [one.text for one in _NOISE.mismatches({}, {"y": np.ones(1)})] == ["is missing"]


def test_noise_is_that_of_the_coarsest_type_in_the_graph(make: Any, corpus_models: Path) -> None:
    """A signature that computes in bfloat16 and answers float32 has bfloat16's noise; without files it is float32's."""
    version_dir = corpus_models / "dtypes" / "1"
    subject = Subject(model="dtypes", signatures={}, version_dir=version_dir)
    integers = make.signature([make.spec("x", "int64")], [make.spec("y", "int64")], name="int64")
    assert noise_of(subject, integers).coarsest == 0.0
    assert noise_of(replace(subject, version_dir=None), integers).coarsest == 1e-4
    assert noise_of(replace(subject, tags=("no", "such")), integers).coarsest == 1e-4
    halves = make.signature([make.spec("x", "bfloat16")], [make.spec("y", "float32")])
    assert noise_of(subject, halves).coarsest == 0.1
