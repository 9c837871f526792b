"""The whole way, from the bytes of an image file to the products in it, or to the image with the products marked.

Needs no TensorFlow; works with a GrpcClient and a RestClient alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.stages import StageClock
from models.commodity.draw import as_png, draw_detections
from models.commodity.postprocess import Detection, postprocess
from models.commodity.preprocess import decode_image, preprocess

if TYPE_CHECKING:
    import io
    from collections.abc import Sequence

    from PIL import Image

    from harness.clients import Client

__all__ = ["detect", "detect_all", "make_prediction"]


def detect(image: bytes, client: Client) -> list[Detection]:
    """Return the products in an image file, surest first, with boxes in pixels of the upright image.

    Raises:
        UsageError: the bytes cannot be read as an image.
        CallError: the request brought no answer.
    """
    return detect_all([image], client)[0]


def detect_all(images: Sequence[bytes], client: Client) -> list[list[Detection]]:
    """Return the products in each of several image files of any sizes, found with one request.

    Raises:
        UsageError: one of them cannot be read as an image.
        CallError: the request brought no answer.
    """
    return _found([decode_image(data) for data in images], client, StageClock()) if images else []


def make_prediction(image: bytes, client: Client, *, clock: StageClock | None = None) -> io.BytesIO:
    """Return the image with its products marked, as a PNG file.

    Args:
        image: the bytes of an image file.
        client: of the served detector.
        clock: told how long each stage took: decode image, preprocess, postprocess (which suppresses overlapping
            boxes), draw, encode image; the call to the server lies between the second and the third.

    Raises:
        UsageError: the bytes cannot be read as an image.
        CallError: the request brought no answer.
    """
    clock = clock or StageClock()
    with clock("decode image"):
        upright = decode_image(image)
    (found,) = _found([upright], client, clock)
    with clock("draw"):
        marked = draw_detections(upright, found)
    with clock("encode image"):
        return as_png(marked)


def _found(images: Sequence[Image.Image], client: Client, clock: StageClock) -> list[list[Detection]]:
    with clock("preprocess"):
        squares, places = preprocess(images)
    answer = client.predict({"image": squares})
    with clock("postprocess"):
        rows = zip(answer["boxes"], answer["scores"], places, strict=True)
        return [postprocess(boxes, scores, place) for boxes, scores, place in rows]
