"""Samples of what strings can be."""

from __future__ import annotations

import io
import struct
import wave
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from harness.checks.samples import example_sample, text_sample
from harness.savedmodel.text_content import CONTENT_OF_OP
from harness.text_input import Content, Feature

PICTURES: dict[Any, str] = {"bmp": "BMP", "gif": "GIF", "jpeg": "JPEG", "png": "PNG"}


@pytest.mark.parametrize("content", get_args(Content))
def test_samples_differ_and_repeat(content: Content) -> None:
    """Every content has a sample, the same each time, and another for another index."""
    assert text_sample(content, 0) == text_sample(content, 0)
    assert text_sample(content, 0) != text_sample(content, 1)


@pytest.mark.parametrize(("content", "name"), PICTURES.items())
def test_pictures_can_be_read(content: Content, name: str) -> None:
    """Each is a small picture of its format."""
    with Image.open(io.BytesIO(text_sample(content, 3))) as image:
        assert (image.format, image.size) == (name, (32, 32))
        low, high = image.convert("L").getextrema()
    assert low < high


def test_sound_can_be_read() -> None:
    """A tenth of a second in 16 bits, and not silent."""
    with wave.open(io.BytesIO(text_sample("wav", 0))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (
            1,
            2,
            16_000,
            1600,
        )
        assert np.abs(np.frombuffer(file.readframes(1600), "<i2")).max() > 10_000


def test_numbers_are_numbers() -> None:
    """They can be parsed."""
    assert [int(text_sample("number", index)) for index in (0, 7, 12)] == [0, 7, 2]


@pytest.mark.parametrize("size", [1, 8])
def test_raw_bytes_are_small_numbers_of_any_width(size: int) -> None:
    """They come in eights, and as floats they are finite."""
    data = text_sample("raw", 1, size=size)
    assert len(data) == 8 * size
    assert all(abs(value) < 1e-30 for value in struct.unpack(f"<{2 * size}f", data))


@pytest.mark.parametrize("content", sorted(set(CONTENT_OF_OP.values()) - {"example", "raw"}))
def test_tensorflow_reads_the_samples(tf: Any, content: Any) -> None:
    """The operations that a sample is meant for take it."""
    calls = {
        "DecodeAndCropJpeg": lambda data: tf.io.decode_and_crop_jpeg(data, [0, 0, 8, 8]),
        "DecodeBmp": tf.io.decode_bmp,
        "DecodeGif": tf.io.decode_gif,
        "DecodeImage": tf.io.decode_image,
        "DecodeJpeg": tf.io.decode_jpeg,
        "DecodePng": tf.io.decode_png,
        "DecodeWav": lambda data: tf.audio.decode_wav(data).audio,
        "StringToNumber": tf.strings.to_number,
    }
    for op in (op for op, named in CONTENT_OF_OP.items() if named == content):
        assert np.isfinite(np.asarray(calls[op](text_sample(content, 0)), np.float64)).all()


FEATURES = (
    Feature(name="box", dtype="float32", shape=(2, 2)),
    Feature(name="ids", dtype="int64", shape=(None, 3)),
    Feature(name="picture", dtype="string", shape=(), content="png"),
    Feature(name="words", dtype="string", shape=None),
)


def test_examples_hold_every_feature_in_its_length() -> None:
    """Fixed shapes are filled, open ones take the size asked for, and strings are what they should be."""
    example = example_sample(FEATURES, 0, np.random.default_rng(0), open_size=4, top=3)
    assert {name: len(values) for name, values in example.items()} == {"box": 4, "ids": 12, "picture": 1, "words": 4}
    assert set(map(type, example["box"])) == {float}
    assert set(example["ids"]) <= {0, 1, 2}
    assert example["picture"] == [text_sample("png", 0)]
    assert len(set(example["words"])) == 4


def test_tensorflow_parses_the_examples(tf: Any) -> None:
    """What is made from a parser's features, that parser takes."""
    from harness.clients.examples import serialized_example

    spec = {
        "box": tf.io.FixedLenFeature([2, 2], tf.float32),
        "ids": tf.io.FixedLenSequenceFeature([3], tf.int64, allow_missing=True),
        "picture": tf.io.FixedLenFeature([], tf.string),
        "words": tf.io.VarLenFeature(tf.string),
    }
    example = example_sample(FEATURES, 0, np.random.default_rng(0), open_size=2)
    parsed = tf.io.parse_example([serialized_example(example)], spec)
    np.testing.assert_array_equal(parsed["box"].numpy().reshape(-1), np.float32(example["box"]))
    assert parsed["ids"].shape == (1, 2, 3)
    assert parsed["words"].values.numpy().tolist() == example["words"]
