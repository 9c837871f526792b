"""commodity: how well it finds products in scenes it has not seen, and that its parts agree."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.image_transport import export_with_decoder
from models import commodity
from models.commodity.boxes import decode_boxes
from models.commodity.model import HEADS, LAYERS, WEIGHTS_FILE, load_weights
from models.commodity.shelves import TRAIN_SEED
from models.commodity.train import targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WANTED_PRECISION = 0.85
SCENES = 60


def test_held_out_scenes_are_read(run: Callable[..., dict[str, Any]]) -> None:
    """The exported model reaches a mean average precision of 0.85 at an overlap of one half; no class is left out."""
    scenes = commodity.draw_scenes(commodity.HELD_OUT_SEED, SCENES)
    squares, places = commodity.preprocess([scene.image for scene in scenes])
    outputs = run(commodity, "serving_default", {"image": squares})
    found = [
        commodity.postprocess(boxes, scores, place, least_score=0.02)
        for boxes, scores, place in zip(outputs["boxes"], outputs["scores"], places, strict=True)
    ]
    truths = [(scene.boxes, [commodity.CLASSES[label] for label in scene.classes]) for scene in scenes]
    precisions = commodity.average_precisions(found, truths)
    assert sorted(precisions) == sorted(commodity.CLASSES)
    assert np.mean(list(precisions.values())) >= WANTED_PRECISION, precisions
    assert min(precisions.values()) >= 0.6, precisions


def test_the_weights_are_small_and_those_of_the_network() -> None:
    """The weights kept with the code take less than 1 MB, one kernel and one bias for each layer and head."""
    assert WEIGHTS_FILE.stat().st_size < 1_000_000
    names = [*(layer.name for layer in LAYERS), *HEADS]
    assert sorted(load_weights()) == sorted(f"{name}/{part}" for name in names for part in ("bias", "kernel"))


def test_scenes_come_from_their_seeds() -> None:
    """The same seed draws the same scene, another one another; training and held-out seeds are far apart."""
    first, again, other = (commodity.draw_scene(seed) for seed in (5, 5, 6))
    assert first.image.tobytes() == again.image.tobytes()
    assert first.boxes.tolist() == again.boxes.tolist()
    assert first.image.tobytes() != other.image.tobytes()
    assert commodity.HELD_OUT_SEED - TRAIN_SEED > 1_000_000


def test_boxes_lie_in_their_scenes() -> None:
    """Every product has a class and a box with an area inside the picture, in any size that is asked for."""
    for scene in [*commodity.draw_scenes(20, 10), commodity.draw_scene(3, size_px=(300, 200))]:
        assert len(scene.boxes) == len(scene.classes) > 0
        assert (scene.boxes[:, 2:] > scene.boxes[:, :2]).all()
        assert scene.boxes.min() >= 0
        assert (scene.boxes[:, 2:] <= scene.image.size).all()
        assert set(scene.classes.tolist()) <= set(range(len(commodity.CLASSES)))
    assert scene.image.size == (300, 200)


def test_the_targets_of_training_are_what_the_client_reads() -> None:
    """A model that says exactly what training asks of it has its products found, each in its box."""
    boxes = np.array([[10, 20, 40, 90], [60, 30, 90, 100], [100, 100, 150, 140]], np.float32)
    heat, offsets, near = targets(boxes, np.array([0, 0, 3]))
    assert (heat == 1.0).sum(axis=0).tolist() == [2, 0, 0, 1, 0, 0, 0, 0]
    assert (near[(heat == 1.0).any(axis=1)] == 1.0).all()
    _, (place,) = commodity.preprocess([Image.new("RGB", (160, 160))])
    found = commodity.postprocess(offsets, heat * 0.9, place, least_score=0.5)
    assert [one.label for one in found] == ["bottle", "bottle", "jar"]
    np.testing.assert_allclose(sorted(one.box for one in found), sorted(boxes.tolist()), atol=0.01)


def test_a_scene_without_products_has_no_targets() -> None:
    """An empty shelf teaches that there is nothing."""
    heat, offsets, near = targets(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert (heat.max(), np.abs(offsets).max(), near.max()) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("extreme", [1e30, -1e30])
def test_wild_offsets_stay_finite(extreme: float) -> None:
    """What a broken model says does not overflow."""
    assert np.isfinite(decode_boxes(np.full((400, 4), extreme, np.float64))[:, 2:]).all()


def test_a_decoder_in_the_graph_changes_no_number(tmp_path: Path) -> None:
    """The export that takes JPEG files, which the benchmark of transport serves, answers as the other does."""
    tf = pytest.importorskip("tensorflow")
    square = Image.fromarray((commodity.examples()[0].inputs["image"][0] * 255).astype(np.uint8))
    file = io.BytesIO()
    square.save(file, "JPEG", quality=90)
    loaded = tf.saved_model.load(str(export_with_decoder(tmp_path / "file") / "1"))
    answer = loaded.signatures["serving_default"](image_bytes=tf.constant([file.getvalue()] * 2))
    squares, _ = commodity.preprocess([commodity.decode_image(file.getvalue())])
    expected = commodity.forward(squares)
    for name in ("boxes", "scores"):
        assert answer[name].shape[0] == 2
        np.testing.assert_allclose(answer[name][1], expected[name][0], atol=0.05)
