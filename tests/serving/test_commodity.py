"""The product detector, from image file to marked image; for runs that serve it, as `make demo-commodity` does."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.findings import Finding
from harness.results import Picture
from models import commodity

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.serving(model="commodity")

LEAST_PRECISION = 0.85
SCENES = 60


def test_held_out_scenes_are_read(client: Any, record_finding: Callable[[Any], None]) -> None:
    """The served model's mean average precision on scenes it has not seen is at least 0.85."""
    scenes = commodity.draw_scenes(commodity.HELD_OUT_SEED, SCENES)
    squares, places = commodity.preprocess([scene.image for scene in scenes])
    answers = [client.predict({"image": squares[start : start + 10]}) for start in range(0, SCENES, 10)]
    rows = [row for answer in answers for row in zip(answer["boxes"], answer["scores"], strict=True)]
    found = [commodity.postprocess(*row, place, least_score=0.02) for row, place in zip(rows, places, strict=True)]
    truths = [(scene.boxes, [commodity.CLASSES[label] for label in scene.classes]) for scene in scenes]
    precision = float(np.mean(list(commodity.average_precisions(found, truths).values())))
    record_finding(
        Finding(
            check="precision",
            model="commodity",
            subject=f"{SCENES} held-out scenes over {'gRPC' if client.api == 'grpc' else 'REST'}",
            passed=precision >= LEAST_PRECISION,
            tried="find the products in held-out drawn shelves",
            expected=f"a mean average precision of at least {LEAST_PRECISION} at an overlap of one half",
            seen=f"{precision:.3f}",
        )
    )


@pytest.mark.parametrize("golden", commodity.golden_images(), ids=lambda golden: golden.name)
def test_golden_images_are_read(client: Any, golden: Any, record_finding: Callable[[Any], None]) -> None:
    """In an image file of each kind the products are found that were found when it was recorded."""
    found = commodity.detect(golden.data, client)
    difference = commodity.difference(found, golden)
    record_finding(
        Finding(
            check="golden images",
            model="commodity",
            subject=f"{golden.name} over {'gRPC' if client.api == 'grpc' else 'REST'}",
            passed=not difference,
            tried="find the products in a kept image file",
            expected=f"the {len(golden.detections)} products that are kept with it",
            seen=difference or "the same",
        )
    )


@pytest.mark.parametrize("seed", range(6))
def test_a_marked_image_comes_back(client: Any, seed: int, record_picture: Callable[[Picture], None]) -> None:
    """An image file goes in, and comes back with the products marked."""
    file = io.BytesIO()
    commodity.draw_scene(commodity.HELD_OUT_SEED + 500 + seed, size_px=(640, 480)).image.save(file, "JPEG", quality=90)
    found = commodity.detect(file.getvalue(), client)
    marked = commodity.make_prediction(file.getvalue(), client).getvalue()
    assert found
    if client.api == "grpc":
        record_picture(Picture(caption=f"{len(found)} products found", png=marked, model="commodity"))


def test_where_the_time_goes(serving_pipeline: Callable[..., Any]) -> None:
    """From image file to marked image every stage has its time, on the client as on the server."""
    files = [golden.data for golden in commodity.golden_images()]
    rows = serving_pipeline(commodity.make_prediction, files, runs=40)
    assert rows
    for row in rows:
        names = [part.name for part in row.parts]
        assert names[:3] == ["decode image", "preprocess", "encode request"]
        assert names[-4:] == ["postprocess", "draw", "encode image", "client's rest"]
        assert all(part.mean_ns > 0 for part in row.parts)
