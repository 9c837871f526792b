"""commodity: overlaps, suppression and average precision on plain numbers; the way into and out of a square."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from models.commodity import CLASSES, Detection, average_precisions, postprocess
from models.commodity.boxes import decode_boxes, encode_boxes, overlaps, suppress
from models.commodity.letterbox import letterbox
from models.commodity.metrics import average_precision

UNIT = [0.0, 0.0, 10.0, 10.0]


def _detection(label: str, score: float, box: list[float]) -> Detection:
    left, top, right, bottom = box
    return Detection(label=label, score=score, box=(left, top, right, bottom))


def test_overlaps_are_intersection_over_union() -> None:
    """Equal boxes overlap wholly, halves by half, boxes apart or without area not at all."""
    others = np.array([UNIT, [0, 0, 10, 5], [5, 0, 15, 10], [20, 20, 30, 30], [5, 5, 5, 5]], float)
    np.testing.assert_allclose(overlaps(np.array([UNIT]), others), [[1, 0.5, 1 / 3, 0, 0]])


def test_suppression_keeps_the_surest_of_those_that_overlap() -> None:
    """Of a crowd the surest stays; what overlaps only a suppressed box stays too; ties go to the earlier."""
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [5.5, 0, 15.5, 10], [40, 0, 50, 10], [40, 0, 50, 10]], float)
    scores = np.array([0.9, 0.8, 0.7, 0.5, 0.5])
    assert suppress(boxes, scores, most_overlap=0.5).tolist() == [0, 2, 3]
    assert suppress(boxes[:0], scores[:0], most_overlap=0.5).tolist() == []


def test_suppression_leaves_other_classes_alone() -> None:
    """Two classes in one place are both told; one class twice in one place is told once."""
    cells = np.array([0, 1, 2])
    offsets = np.zeros((400, 4), np.float32)
    offsets[cells] = encode_boxes(np.array([[0, 0, 30, 40]] * 3, np.float32), cells)
    scores = np.zeros((400, len(CLASSES)), np.float32)
    scores[0, 1], scores[1, 1], scores[2, 4] = 0.9, 0.8, 0.7
    _, place = letterbox(Image.new("RGB", (160, 160)), 160)
    found = postprocess(offsets, scores, place)
    assert [(one.label, round(one.score, 3)) for one in found] == [(CLASSES[1], 0.9), (CLASSES[4], 0.7)]
    np.testing.assert_allclose([one.box for one in found], [[0, 0, 30, 40]] * 2, atol=1e-3)


def test_offsets_come_back_as_boxes() -> None:
    """Encoding and decoding a box in any cell gives the box."""
    rng = np.random.default_rng(0)
    corner, size = rng.uniform(0, 100, (50, 2)), rng.uniform(5, 60, (50, 2))
    boxes, cells = np.concatenate([corner, corner + size], axis=1).astype(np.float32), rng.integers(0, 400, 50)
    offsets = np.zeros((50, 400, 4), np.float32)
    offsets[np.arange(50), cells] = encode_boxes(boxes, cells)
    np.testing.assert_allclose(decode_boxes(offsets)[np.arange(50), cells], boxes, atol=1e-3)


@pytest.mark.parametrize("size", [(160, 160), (640, 480), (33, 999), (4000, 3), (1, 1), (161, 160)])
def test_a_letterbox_is_left_as_it_was_entered(size: tuple[int, int]) -> None:
    """Boxes come back to where they were from the square, for images of any shape."""
    square, place = letterbox(Image.new("RGB", size), 160)
    assert (square.shape, square.dtype.name) == ((160, 160, 3), "float32")
    width, height = size
    boxes = np.array([[0, 0, width, height], [width / 4, height / 3, width / 2, height]], np.float32)
    inside = place.to_square(boxes)
    assert inside.min() >= 0
    assert inside.max() <= 160
    np.testing.assert_allclose(place.to_image(inside), boxes, rtol=1e-4, atol=1e-3)


def test_the_letterbox_holds_the_image_and_grey() -> None:
    """The image keeps its proportions; the rest is grey; boxes are cut at the image's edge."""
    square, place = letterbox(Image.new("RGB", (80, 40), "red"), 160)
    assert (place.left, place.top) == (0, 40)
    np.testing.assert_array_equal(square[40:120], np.broadcast_to(np.float32([1, 0, 0]), (80, 160, 3)))
    np.testing.assert_allclose(square[[0, 39, 120, 159]], 128 / 255, atol=1e-6)
    assert place.to_image(np.array([[-5, 0, 200, 160]])).tolist() == [[0, 0, 80, 40]]


def test_average_precision_of_a_ranking() -> None:
    """Right, wrong, right of two is 1/2 * 1 + 1/2 * 2/3; a product never found costs its share."""
    scores, right = np.array([0.9, 0.8, 0.7]), np.array([True, False, True])
    assert average_precision(scores, right, 2) == pytest.approx(5 / 6)
    assert average_precision(scores[::-1], right[::-1], 2) == pytest.approx(5 / 6)
    assert average_precision(scores, right, 4) == pytest.approx(5 / 12)
    assert average_precision(scores[:0], right[:0], 3) == 0.0


def test_each_product_is_found_once_and_in_its_image() -> None:
    """A second detection of a product, one in another image, of another class or beside it, is wrong."""
    truths = [(np.array([UNIT]), ["can"]), (np.array([UNIT, [50, 0, 60, 10]]), ["can", "jar"])]
    found = [
        [_detection("can", 0.9, UNIT), _detection("can", 0.8, UNIT), _detection("jar", 0.7, UNIT)],
        [_detection("can", 0.6, [6, 0, 16, 10]), _detection("jar", 0.5, [50, 0, 60, 9])],
    ]
    assert average_precisions(found, truths) == {"can": pytest.approx(0.5), "jar": pytest.approx(0.5)}
    assert average_precisions([[], []], truths) == {"can": 0.0, "jar": 0.0}


def test_a_stricter_overlap_finds_less() -> None:
    """What overlaps by 0.9 is right at 0.5 and wrong at 0.95."""
    truths = [(np.array([UNIT]), ["can"])]
    found = [[_detection("can", 0.9, [0, 0, 10, 9])]]
    assert average_precisions(found, truths)["can"] == 1.0
    assert average_precisions(found, truths, least_overlap=0.95)["can"] == 0.0
