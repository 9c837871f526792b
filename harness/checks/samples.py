"""Samples: small, valid strings of each kind that a model may want: words, numbers, pictures, sound, tf.Examples.

Pure and seeded: the same arguments make the same bytes.
"""

from __future__ import annotations

import io
import math
import wave
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from harness.text_input import Content, Feature

__all__ = ["example_sample", "text_sample"]

_WORDS = (b"the", b"served", b"model", b"keeps", b"its", b"signature")
_SIDE = 32  # pixels of a picture
_SOUND_RATE, _SOUND_SAMPLES = 16_000, 1600


def text_sample(content: Content, index: int, *, size: int = 1) -> bytes:
    """Return a string of that content.

    Args:
        content: what it should be; tf.Examples are made by ``example_sample``.
        index: which one; others differ from it.
        size: of what has no length of its own: raw bytes come in eights.
    """
    if content in _FORMATS:
        return _picture(_FORMATS[content], index)
    return _MAKERS[content](index, size)


def example_sample(
    features: Iterable[Feature], index: int, random: np.random.Generator, *, open_size: int = 1, top: int = 10
) -> dict[str, list[Any]]:
    """Return the features of one tf.Example by name, each a list of values.

    Args:
        features: what the model parses.
        index: which example it is; texts differ from one to the next.
        random: where numbers come from.
        open_size: how many values there are where a feature leaves it open.
        top: the number after the largest integer.
    """
    return {feature.name: _values(feature, index, random, open_size, top) for feature in features}


def _values(feature: Feature, index: int, random: np.random.Generator, open_size: int, top: int) -> list[Any]:
    sizes = (None,) if feature.shape is None else feature.shape
    count = math.prod(open_size if size is None else size for size in sizes)
    if feature.dtype == "string":
        return [text_sample(feature.content, index + place, size=open_size) for place in range(count)]
    if feature.dtype == "int64":
        return list(random.integers(0, top, count).tolist())
    return list(random.random(count).astype(np.float32).tolist())


def _words(index: int, _: int) -> bytes:
    return _WORDS[index % len(_WORDS)]


def _number(index: int, _: int) -> bytes:
    return str(index % 10).encode()


def _raw(index: int, size: int) -> bytes:
    return bytes([index % 2]) + bytes(8 * size - 1)  # small numbers in every dtype


def _sound(index: int, _: int) -> bytes:
    """A tone of a tenth of a second: WAV, 16 bit, mono."""
    times = np.arange(_SOUND_SAMPLES) / _SOUND_RATE
    tone = np.sin(2 * np.pi * 220 * (index + 1) * times)
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_SOUND_RATE)
        file.writeframes((tone * 20_000).astype("<i2").tobytes())
    return target.getvalue()


def _picture(name: str, index: int) -> bytes:
    """A colour gradient, 32 by 32."""
    from PIL import Image

    ramp = np.linspace(0, 255, _SIDE)
    across, down = np.meshgrid(ramp, ramp)
    pixels = np.stack([across, down, np.full_like(across, 60 * (index + 1) % 256)], axis=-1).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, format=name)
    return target.getvalue()


_FORMATS: Mapping[Content, str] = {"bmp": "BMP", "gif": "GIF", "jpeg": "JPEG", "png": "PNG"}
_MAKERS: Mapping[Content, Callable[[int, int], bytes]] = {
    "example": _words,  # never asked for: the features are another's affair
    "number": _number,
    "raw": _raw,
    "wav": _sound,
    "words": _words,
}
