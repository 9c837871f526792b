"""digits: how well it reads, and what its client does to image files."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from harness.errors import UsageError
from models import digits
from models.digits.model import WEIGHTS_FILE
from models.digits.train import augment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WANTED_ACCURACY = 0.97


def _accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(np.argmax(scores, axis=1) == labels))


def _file(pixels: np.ndarray, *, size: int = 80, kind: str = "PNG", mode: str = "L") -> io.BytesIO:
    """Return an image file of a grid of ink, float [8, 8] in 0..1, drawn dark on white."""
    grey = Image.fromarray((255 - pixels * 255).round().astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    grey.convert(mode).save(file, kind)
    file.seek(0)
    return file


def test_the_exported_model_reads_held_out_digits(run: Callable[..., dict[str, Any]]) -> None:
    """At least 97 of 100 images that were not trained on are read right."""
    images, labels = digits.load_test_set()
    assert _accuracy(run(digits, "serving_default", {"image": images})["scores"], labels) >= WANTED_ACCURACY


def test_the_reference_agrees_with_the_model(run: Callable[..., dict[str, Any]]) -> None:
    """The NumPy network gives the exported model's scores on the whole held-out set."""
    images, _ = digits.load_test_set()
    scores = run(digits, "serving_default", {"image": images})["scores"]
    np.testing.assert_allclose(digits.forward(images), scores, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, rtol=1e-5)


def test_the_sets_are_apart_and_stratified() -> None:
    """No image is in both sets, and each digit has its share of the held-out ones."""
    (train, train_labels), (test, test_labels) = digits.load_train_set(), digits.load_test_set()
    assert (train.shape, test.shape) == ((1437, 8, 8, 1), (360, 8, 8, 1))
    assert (test.dtype.name, test_labels.dtype.name) == ("float32", "int64")
    assert (test.min(), test.max()) == (0.0, 1.0)
    held_out = {image.tobytes() for image in test}
    assert not held_out & {image.tobytes() for image in train}
    shares = np.bincount(test_labels) / (np.bincount(train_labels) + np.bincount(test_labels))
    assert np.all(np.abs(shares - 0.2) < 0.01)


def test_the_weights_are_small() -> None:
    """The weights kept with the code take less than 200 kB."""
    assert WEIGHTS_FILE.stat().st_size < 200_000


@pytest.mark.parametrize("sample", digits.SAMPLES, ids=lambda sample: sample.path.name)
def test_the_sample_files_are_read(sample: Any) -> None:
    """Each sample file, dark or light, small or large, is read as the digit it shows, with confidence."""
    _, labels = digits.load_test_set()
    assert labels[sample.index] == sample.label
    (reading,) = digits.postprocess(digits.forward(digits.preprocess(sample.path)[np.newaxis]))
    assert reading.label == sample.label
    assert reading.probability > 0.5


@pytest.mark.parametrize("size", [8, 28, 150])
def test_image_files_are_read_as_well_as_arrays(size: int) -> None:
    """Going through files of any size costs little accuracy."""
    images, labels = digits.load_test_set()
    read = np.stack([digits.preprocess(_file(image[..., 0], size=size)) for image in images])
    assert _accuracy(digits.forward(read), labels) >= 0.95


def test_ink_and_paper_may_change_places() -> None:
    """A negative, and wide margins, give the same input."""
    images, _ = digits.load_test_set()
    plain = Image.open(_file(images[0, ..., 0]))
    negative = Image.fromarray(255 - np.asarray(plain))
    wide = Image.new("L", (300, 200), 255)
    wide.paste(plain, (120, 30))
    wanted = digits.preprocess(plain)
    assert (wanted.shape, wanted.dtype.name) == ((8, 8, 1), "float32")
    np.testing.assert_allclose(digits.preprocess(negative), wanted, atol=1e-6)
    np.testing.assert_allclose(digits.preprocess(wide), wanted, atol=1e-6)


# JPEG's noise moves the edge of the ink by a pixel of eighty, which shows in the averages.
@pytest.mark.parametrize(
    ("kind", "mode", "atol"),
    [("PNG", "RGBA", 1e-6), ("PNG", "P", 1e-6), ("PNG", "LA", 1e-6), ("BMP", "L", 1e-6), ("JPEG", "RGB", 0.15)],
)
def test_every_kind_of_file_is_read(kind: str, mode: str, atol: float) -> None:
    """Colour, palette, transparency and container make no difference beyond compression."""
    images, _ = digits.load_test_set()
    wanted = digits.preprocess(_file(images[5, ..., 0]))
    np.testing.assert_allclose(digits.preprocess(_file(images[5, ..., 0], kind=kind, mode=mode)), wanted, atol=atol)


def test_transparent_paper_is_white() -> None:
    """Ink on transparent ground is dark on light."""
    drawn = np.zeros((40, 40, 4), np.uint8)
    drawn[5:35, 18:22] = (0, 0, 0, 255)
    pixels = digits.preprocess(Image.fromarray(drawn))
    assert pixels[4, 3:5, 0].max() == 1.0
    assert pixels[4, 0, 0] == 0.0


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_an_empty_page_is_all_paper(colour: int) -> None:
    """An image of one colour, whichever, holds no ink."""
    assert digits.preprocess(Image.new("L", (30, 20), colour)).tolist() == np.zeros((8, 8, 1)).tolist()


def test_what_is_no_image_is_a_clear_error(tmp_path: Path) -> None:
    """Other files, and missing ones, are named with the remedy."""
    (tmp_path / "notes.png").write_text("not an image")
    for path in (tmp_path / "notes.png", tmp_path / "absent.png"):
        with pytest.raises(UsageError, match=re.escape(path.name) + r".*cannot be read as an image.*Give a PNG"):
            digits.preprocess(path)


def test_readings_name_the_likeliest_digit() -> None:
    """Label and probability come from each row's highest score."""
    scores = np.full((2, 10), 0.02, np.float32)
    scores[0, 3], scores[1, 9] = 0.82, 0.5
    assert [(reading.label, round(reading.probability, 2)) for reading in digits.postprocess(scores)] == [
        (3, 0.82),
        (9, 0.5),
    ]


def test_augmented_images_stay_images() -> None:
    """Training distorts images within their form and value range, and equally for equal seeds."""
    images, _ = digits.load_train_set()
    first, second = (augment(images[:20], np.random.default_rng(3)) for _ in range(2))
    assert (first.shape, first.dtype.name) == ((20, 8, 8, 1), "float32")
    assert 0.0 <= first.min() <= first.max() <= 1.0
    assert np.array_equal(first, second)
    assert not np.array_equal(first, images[:20])
