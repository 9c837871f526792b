"""commodity, served: what either client finds is what the model finds, however it was exported."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from harness import GrpcClient, RestClient, serve
from harness.demo import Marker
from harness.measure.pipeline import Pipeline
from models import commodity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness import Server

EXPORTS = ("saved", "built")  # tf.saved_model.save, SavedModelBuilder


@pytest.fixture(scope="module")
def server(exported: Callable[[Any], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with both exports."""
    built = commodity.export_builder(tmp_path_factory.mktemp("built") / "commodity")
    with serve(dict(zip(EXPORTS, (exported(commodity), built), strict=True)), backend="standin") as running:
        yield running


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    """Held-out scenes as image files of several sizes."""
    files = []
    for seed, size in enumerate([(160, 160), (320, 240), (240, 320)], start=commodity.HELD_OUT_SEED):
        file = io.BytesIO()
        commodity.draw_scene(seed, size_px=size).image.save(file, "PNG")
        files.append(file.getvalue())
    return files


@pytest.fixture(scope="module")
def wanted(files: list[bytes]) -> list[list[commodity.Detection]]:
    """What the NumPy network finds in them."""
    squares, places = commodity.preprocess([commodity.decode_image(data) for data in files])
    outputs = commodity.forward(squares)
    rows = zip(outputs["boxes"], outputs["scores"], places, strict=True)
    return [commodity.postprocess(*row) for row in rows]


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("kind", [GrpcClient, RestClient], ids=["grpc", "rest"])
def test_detections_are_the_local_models(
    kind: Any, export: str, server: Server, files: list[bytes], wanted: list[list[commodity.Detection]]
) -> None:
    """Over either API and from either export, one by one or in a batch, the same products are found."""
    assert min(len(found) for found in wanted) > 0
    with kind(server.endpoint_of(export)) as client:
        for found in (commodity.detect_all(files, client), [commodity.detect(data, client) for data in files]):
            for mine, theirs in zip(found, wanted, strict=True):
                assert [one.label for one in mine] == [one.label for one in theirs]
                np.testing.assert_allclose([one.score for one in mine], [one.score for one in theirs], atol=1e-3)
                np.testing.assert_allclose([one.box for one in mine], [one.box for one in theirs], atol=0.1)


@pytest.mark.parametrize("golden", commodity.golden_images(), ids=lambda golden: golden.name)
@pytest.mark.parametrize("kind", [GrpcClient, RestClient], ids=["grpc", "rest"])
def test_golden_images_are_read(kind: Any, golden: commodity.GoldenImage, server: Server) -> None:
    """In a kept image file of each kind just those products are found that are kept with it."""
    with kind(server.endpoint_of("built")) as client:
        assert commodity.difference(commodity.detect(golden.data, client), golden) == ""


def test_both_exports_serve_one_signature_and_the_same_numbers(server: Server) -> None:
    """The TF1 and the TF2 way of exporting cannot be told apart by a client."""
    image = commodity.examples()[0].inputs["image"]
    with GrpcClient(server.endpoint_of("saved")) as saved, GrpcClient(server.endpoint_of("built")) as built:
        assert built.signatures()["serving_default"] == saved.signatures()["serving_default"]
        answers = [client.predict({"image": image}).outputs for client in (saved, built)]
    for name in ("boxes", "scores"):
        np.testing.assert_allclose(answers[0][name], answers[1][name], rtol=1e-5, atol=1e-6)


def test_the_marked_image_comes_back(server: Server, files: list[bytes]) -> None:
    """A file goes in, and a PNG of its size with the products marked comes out, the same over both APIs."""
    endpoint = server.endpoint_of("saved")
    with GrpcClient(endpoint) as over_grpc, RestClient(endpoint) as over_rest:
        marked = [commodity.make_prediction(files[1], client).getvalue() for client in (over_grpc, over_rest)]
    pictures = [np.asarray(Image.open(io.BytesIO(data))) for data in (*marked, files[1])]
    assert pictures[0].shape == pictures[2].shape == (240, 320, 3)
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).any()


@pytest.mark.parametrize("kind", [GrpcClient, RestClient], ids=["grpc", "rest"])
def test_the_demo_shows_what_the_client_makes(kind: Any, server: Server, files: list[bytes]) -> None:
    """The page gets the same marked image, with each of the client's stages on its side of the call."""
    with kind(server.endpoint_of("built")) as client:
        marker = Marker(Pipeline(name="commodity", function=commodity.make_prediction), client)
        marker.prepare()
        marked = marker(files[1])
        assert marked.png == commodity.make_prediction(files[1], client).getvalue()
    before, serving, after = (list(group.stages_ns) for group in marked.groups)
    assert before[:2] == ["decode image", "preprocess"]
    assert serving[:3] == ["encode request", "send to reply", "read answer"]
    assert after[:3] == ["postprocess", "draw", "encode image"]
