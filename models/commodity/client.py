"""The whole way, from the bytes of an image file to the products in it, or to the image with the products marked.

Needs no TensorFlow; works with a GrpcClient and a RestClient alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    return _found([decode_image(data) for data in images], client) if images else []


def make_prediction(image: bytes, client: Client) -> io.BytesIO:
    """Return the image with its products marked, as a PNG file.

    Raises:
        UsageError: the bytes cannot be read as an image.
        CallError: the request brought no answer.
    """
    upright = decode_image(image)
    return as_png(draw_detections(upright, _found([upright], client)[0]))


def _found(images: Sequence[Image.Image], client: Client) -> list[list[Detection]]:
    squares, places = preprocess(images)
    answer = client.predict({"image": squares})
    rows = zip(answer["boxes"], answer["scores"], places, strict=True)
    return [postprocess(boxes, scores, place) for boxes, scores, place in rows]
