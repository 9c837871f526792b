"""Client code on one image: what is made of what it returns and raises."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from fixtures.example_models import exported
from harness import GrpcClient, RestClient, serve
from harness.demo import Marker
from harness.errors import SignatureError
from harness.measure.pipeline import Pipeline
from tests.unit.demo.visitor import png_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.clients import Client
    from harness.servers import Server

PNG = png_of(Image.new("RGB", (2, 2)))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """half_plus_two on a stand-in."""
    with serve(exported("half_plus_two"), backend="standin") as running:
        yield running


def _marker(client: Any, run: Callable[..., Any]) -> Marker:
    return Marker(Pipeline(name="mine:mark", function=run), client)


def _ask(image: bytes, client: Client, *, clock: Any) -> io.BytesIO:
    with clock("decode"):
        value = float(len(image))
    answer = client.predict({"x": np.array([value], np.float32)})
    with clock("draw"):
        return io.BytesIO(PNG if answer["y"][0] > value / 2 else b"wrong")


@pytest.mark.parametrize("kind", [GrpcClient, RestClient])
def test_the_call_stands_between_the_stages(server: Server, kind: type[GrpcClient | RestClient]) -> None:
    """Each image has its own times, over either API, and asks the server nothing but its prediction."""
    with kind(server.endpoint) as client:
        marker = _marker(client, _ask)
        marker.prepare()
        client.signatures = None  # type: ignore[assignment,method-assign] # calling it would raise
        results = [marker(b"12"), marker(b"1234")]
    for marked in results:
        assert marked.png == PNG
        assert [group.name for group in marked.groups] == ["preprocessing", "serving", "postprocessing"]
        before, serving, after = (list(group.stages_ns) for group in marked.groups)
        assert (before[0], after[0]) == ("decode", "draw")
        assert serving[:3] == ["encode request", "send to reply", "read answer"]
    assert results[0].groups[1].total_ns != results[1].groups[1].total_ns


def test_after_an_error_of_the_model_its_signatures_are_asked_for_again(server: Server) -> None:
    """What was known of the server may have changed by the next version, so a failed call forgets it."""
    asked = []

    def ask(_: bytes, client: Client, **__: Any) -> bytes:
        client.predict({"x": [1.0]}, signature_name="nope")
        return PNG

    with GrpcClient(server.endpoint) as client:
        signatures = client.signatures
        client.signatures = lambda: asked.append(1) or signatures()  # type: ignore[func-returns-value,method-assign]
        marker = _marker(client, ask)
        for _ in range(2):
            with pytest.raises(SignatureError):
                marker(b"")
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (None, "mine:mark returned NoneType; a PNG file is wanted, as io.BytesIO or bytes"),
        ("text", "mine:mark returned str; a PNG file is wanted"),
        (b"GIF89a..", r"mine:mark returned 8 bytes that begin with b'GIF89a\.\.'; a PNG file is wanted"),
        (io.BytesIO(), "mine:mark returned 0 bytes that begin with b''"),
    ],
)
def test_anything_but_a_png_is_a_fault(made: Any, text: str) -> None:
    """The error says what was returned, and what should have been."""
    with pytest.raises(TypeError, match=text):
        _marker(None, lambda *_, **__: made)(b"")


@pytest.mark.parametrize("made", [PNG, io.BytesIO(PNG)])
def test_a_png_may_be_bytes_or_a_file(made: Any) -> None:
    """A file is taken whole, wherever it was left."""
    if isinstance(made, io.BytesIO):
        made.seek(0, io.SEEK_END)
    assert _marker(None, lambda *_, **__: made)(b"").png == PNG
