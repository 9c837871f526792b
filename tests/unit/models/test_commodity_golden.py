"""commodity's golden images: which there are, and what counts as different."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from models import commodity
from models.commodity.golden import FOLDER, SCORE_TOLERANCE

SHELF = commodity.golden_images()[0]


def test_files_of_many_kinds_are_kept() -> None:
    """JPEG, PNG and GIF; colour, grey, palette and alpha; one turned by EXIF; one with nothing in it; all in use."""
    images = {golden.name: golden for golden in commodity.golden_images()}
    assert {path.name for path in FOLDER.iterdir()} == {*images, "detections.json"}
    modes = {}
    for name in images:
        with Image.open(FOLDER / name) as image:
            modes[name] = image.mode
    assert {"RGB", "L", "P", "RGBA"} <= set(modes.values())
    with Image.open(FOLDER / "turned.jpg") as stored:
        assert commodity.decode_image(images["turned.jpg"].data).size == stored.size[::-1]
    assert [golden.name for golden in images.values() if not golden.detections] == ["nothing.png"]
    assert sum(len(golden.detections) for golden in images.values()) > 40


def test_the_same_is_no_difference() -> None:
    """What is kept, in any order and off by less than decoders differ, is the same."""
    near = [replace(one, score=one.score - SCORE_TOLERANCE / 2) for one in reversed(SHELF.detections)]
    assert commodity.difference(near, SHELF) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": "jar"}, "found besides: jar"),
        ({"score": 0.4}, " 0.40 at "),
        ({"box": (0.0, 0.0, 9.0, 9.0)}, " at 0, 0, 9, 9"),
    ],
    ids=["label", "score", "box"],
)
def test_each_kind_of_change_is_told(change: dict[str, object], said: str) -> None:
    """Another class, score or box is told, with what is missing and what is there instead."""
    first = SHELF.detections[0]
    assert first.label != "jar"
    seen = commodity.difference([replace(first, **change), *SHELF.detections[1:]], SHELF)  # type: ignore[arg-type]
    assert seen.startswith(f"not found: {first.label}")
    assert said in seen


def test_a_product_more_or_less_is_told() -> None:
    """A product that is missing, and one that is found twice, are differences."""
    one, *others = SHELF.detections
    assert commodity.difference(others, SHELF).startswith("not found: ")
    assert commodity.difference([one, *SHELF.detections], SHELF).startswith("found besides: ")
