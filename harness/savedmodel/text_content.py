"""What the strings of a model's input should be: the graph's operation that takes them tells.

Pure: reads what ``harness.savedmodel.graph_reach`` found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.savedmodel.graph_reach import Use
    from harness.text_input import Content

__all__ = ["CONTENT_OF_OP", "content_of_uses"]

# Where one input goes to several (decoders chosen by an image's first bytes), the first of this table counts.
CONTENT_OF_OP: Mapping[str, Content] = {
    "ParseExample": "example",
    "ParseExampleV2": "example",
    "ParseSingleExample": "example",
    "DecodePng": "png",
    "DecodeImage": "png",
    "DecodeJpeg": "jpeg",
    "DecodeAndCropJpeg": "jpeg",
    "DecodeGif": "gif",
    "DecodeBmp": "bmp",
    "DecodeWav": "wav",
    "StringToNumber": "number",
    "DecodeRaw": "raw",
    "DecodePaddedRaw": "raw",
}


def content_of_uses(uses: Iterable[Use]) -> Content:
    """Return what a string should be that these operations take; ``words`` if they do not say."""
    ops = {use.op for use in uses if use.position == 0}
    return next((content for op, content in CONTENT_OF_OP.items() if op in ops), "words")
