"""Pictures of outputs that are images and differ."""

from __future__ import annotations

import io
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from PIL import Image

from harness.checks.compare import compare
from harness.checks.tensor_pictures import difference_pictures


def _pictures(seen: np.ndarray, expected: np.ndarray) -> tuple[Any, ...]:
    outputs, wanted = {"image": seen}, {"image": expected}
    return difference_pictures(compare(outputs, wanted), outputs, wanted, model="m")


def _panels(png: bytes) -> list[np.ndarray]:
    """Return the three panels, reduced to a pixel for each pixel of a 4 x 4 image."""
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    assert pixels.shape == (96, 3 * 96 + 2 * 4, 3)
    return [pixels[12::24, start + 12 : start + 96 : 24] for start in (0, 100, 200)]


def _changed(expected: np.ndarray, place: tuple[int, ...], value: Any) -> np.ndarray:
    seen = expected.copy()
    seen[place] = value
    return seen


def test_expected_seen_and_difference_stand_side_by_side() -> None:
    """Of a batch the image with the worst pixel is shown, and that pixel is white in the difference."""
    expected = np.full((3, 4, 4, 1), 100, np.uint8)
    seen = _changed(_changed(expected, (0, 0, 0, 0), 101), (2, 1, 3, 0), 150)
    (picture,) = _pictures(seen, expected)
    assert picture.caption == "image[2]: expected, seen, difference (white: 50)"
    assert picture.model == "m"
    left, right, difference = _panels(picture.png)
    assert set(left.reshape(-1).tolist()) == {100}
    assert right[1, 3].tolist() == [150, 150, 150]
    assert np.argwhere(difference[..., 0]).tolist() == [[1, 3]]
    assert difference[1, 3].tolist() == [255, 255, 255]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize(
    ("low", "high", "shade", "of_pixel"),
    [(0.0, 1.0, 0.5, 128), (0.0, 255.0, 128.0, 128), (-1.0, 1.0, 0.0, 128), (0.0, 1000.0, 500.0, 128)],
)
def test_floats_are_brightness(dtype: Any, low: float, high: float, shade: float, of_pixel: int) -> None:
    """0..1 and 0..255 are taken as they are, all else is stretched from the least to the greatest expected value."""
    expected = np.full((1, 4, 4, 3), shade, np.float64)
    expected[0, 0, 0], expected[0, 0, 1] = low, high
    array = expected.astype(dtype)
    (picture,) = _pictures(_changed(array, (0, 3, 3, 1), low), array)
    left, right, _ = _panels(picture.png)
    assert left[0, 0].tolist() == [0, 0, 0]
    assert left[0, 1].tolist() == [255, 255, 255]
    assert left[2, 2].tolist() == [of_pixel] * 3
    assert right[3, 3].tolist() == [of_pixel, 0, of_pixel]


def test_what_is_not_finite_is_magenta() -> None:
    """NaN has no brightness: the pixel has a colour of its own, where it was seen and in the difference."""
    expected = np.full((1, 4, 4, 1), 0.25, np.float32)
    (picture,) = _pictures(_changed(expected, (0, 2, 1, 0), np.nan), expected)
    left, right, difference = _panels(picture.png)
    assert left[2, 1].tolist() == [64, 64, 64]
    assert right[2, 1].tolist() == difference[2, 1].tolist() == [255, 0, 255]


def test_transparency_shows_white() -> None:
    """The fourth channel lets white through, and a difference in it alone is a difference."""
    expected = np.zeros((1, 4, 4, 4), np.uint8)
    expected[..., 3] = 255
    (picture,) = _pictures(_changed(expected, (0, 0, 0, 3), 0), expected)
    left, right, difference = _panels(picture.png)
    assert left[0, 0].tolist() == [0, 0, 0]
    assert right[0, 0].tolist() == difference[0, 0].tolist() == [255, 255, 255]


def test_a_large_image_is_reduced_without_losing_a_bright_pixel() -> None:
    """One wrong pixel among a million is still white in the difference."""
    expected = np.zeros((1, 1001, 700, 3), np.uint8)
    (picture,) = _pictures(_changed(expected, (0, 1000, 699, 2), 9), expected)
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)))
    assert pixels.shape[0] <= 256
    assert pixels[-1, -1].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    "expected",
    [
        np.zeros((1, 4, 4), np.float32),
        np.zeros((1, 4, 4, 2), np.float32),
        np.zeros((1, 1, 4, 3), np.float32),
        np.zeros((1, 4, 4, 3), np.int32),
        np.zeros((4, 4, 3), np.uint8),
    ],
)
def test_what_is_no_image_has_no_picture(expected: np.ndarray) -> None:
    """Other ranks, channels and dtypes are numbers, not pictures."""
    assert _pictures(expected + np.ones((), expected.dtype), expected) == ()


def test_equal_images_and_other_shapes_have_no_picture() -> None:
    """There is a picture only where elements can be compared and differ."""
    expected = np.zeros((1, 4, 4, 3), np.uint8)
    assert _pictures(expected, expected) == ()
    assert _pictures(expected[:, :2], expected) == ()
