"""commodity: what its client makes of image files of every kind, and where it draws its marks."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.errors import UsageError
from harness.prediction import Prediction
from models.commodity import CLASSES, Detection, decode_image, detect, detect_all, draw_detections, make_prediction
from models.commodity.boxes import encode_boxes
from models.commodity.draw import COLOURS

# Four quarters, so that a turn is seen: red, green over blue, white.
QUARTERS = np.zeros((64, 96, 3), np.uint8)
QUARTERS[:32, :48], QUARTERS[:32, 48:], QUARTERS[32:, :48], QUARTERS[32:, 48:] = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
)


class _Client:
    """Answers with one can in the given box of the square for every image."""

    def __init__(self, box: tuple[float, float, float, float] = (40, 60, 80, 100)) -> None:
        self.offsets = np.zeros((400, 4), np.float32)
        self.offsets[190] = encode_boxes(np.array([box], np.float32), np.array([190]))
        self.asked: list[np.ndarray] = []

    def predict(self, inputs: dict[str, np.ndarray]) -> Prediction:
        self.asked.append(inputs["image"])
        scores = np.zeros((400, len(CLASSES)), np.float32)
        scores[190, CLASSES.index("can")] = 0.75
        outputs = {name: np.stack([array] * len(inputs["image"])) for name, array in self._outputs(scores).items()}
        return Prediction(model="commodity", model_version=1, signature_name="serving_default", outputs=outputs)

    def _outputs(self, scores: np.ndarray) -> dict[str, np.ndarray]:
        return {"boxes": self.offsets, "scores": scores}


def _file(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "mode", "atol"),
    [
        ("PNG", "RGB", 0),
        ("PNG", "RGBA", 0),
        ("PNG", "P", 0),
        ("BMP", "RGB", 0),
        ("GIF", "P", 0),
        ("JPEG", "RGB", 40),
        ("JPEG", "CMYK", 60),
        ("WEBP", "RGB", 60),
    ],
)
def test_every_kind_of_file_is_read(kind: str, mode: str, atol: int) -> None:
    """Container and colour model make no difference beyond compression, away from edges."""
    data = _file(Image.fromarray(QUARTERS).convert(mode), kind)
    read = np.asarray(decode_image(data)).astype(int)
    assert read.shape == QUARTERS.shape
    assert np.abs(read[8::16, 8::16] - QUARTERS[8::16, 8::16]).max() <= atol


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16"])
def test_grey_files_keep_their_greys(mode: str) -> None:
    """Grey of 1, 8 and 16 bits, with transparency or not, becomes the same grey in RGB."""
    levels = [0, 255] if mode == "1" else [0, 60, 128, 255]
    grey = np.repeat(np.array(levels, np.uint8)[np.newaxis], 4, axis=0)
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    read = np.asarray(decode_image(_file(image)))
    np.testing.assert_array_equal(read, np.repeat(grey[..., np.newaxis], 3, axis=-1))


def test_transparency_shows_white() -> None:
    """What is transparent is white, in RGBA and in palettes."""
    clear = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30])
    for data in (_file(clear), _file(palette, transparency=0)):
        assert np.asarray(decode_image(data)).min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(orientation: int) -> None:
    """A camera's note on how it was held is followed: the picture is the same for all eight."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # how the camera stored it: Pillow's transpose methods
    image = Image.fromarray(QUARTERS)
    stored = image.transpose(Image.Transpose(undo[orientation])) if orientation in undo else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = np.asarray(decode_image(_file(stored, exif=exif)))
    np.testing.assert_array_equal(read, QUARTERS)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (3000, 2), (2500, 1800)])
def test_tiny_and_huge_images_are_asked_about(size: tuple[int, int]) -> None:
    """An image of any size becomes an input, and what is found lies within it."""
    client = _Client(box=(0, 0, 160, 160))
    (one,) = detect(_file(Image.new("RGB", size, "red")), client)  # type: ignore[arg-type] # a client's predict
    assert client.asked[0].shape == (1, 160, 160, 3)
    np.testing.assert_allclose(one.box, (0, 0, *size), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_files_are_a_clear_error(kind: str, share: float) -> None:
    """A file that was cut off is said to be so, or to be no image if not even its head is there."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    data = _file(Image.fromarray(noise), kind)
    with pytest.raises(UsageError, match=r"(cut off or damaged|are no image).*give the bytes of a whole image file"):
        decode_image(data[: int(len(data) * share)])


@pytest.mark.parametrize("data", [b"", b"not an image", b"%PDF-1.7 \x00", b"<svg xmlns='x'/>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_a_clear_error(data: bytes) -> None:
    """Other bytes are refused before anything is asked of the server, with the remedy."""
    client = _Client()
    with pytest.raises(UsageError, match=f"{len(data)} bytes .*are no image; give the bytes of a whole image file"):
        make_prediction(data, client)  # type: ignore[arg-type] # a client's predict
    assert not client.asked


@pytest.mark.parametrize("limit", [2000, 4000])
def test_files_that_unpack_to_too_much_are_refused(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file of very many pixels is refused by its head, a little beyond the limit as far beyond."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(UsageError, match=f"more than {limit} pixels"):
        decode_image(_file(Image.fromarray(QUARTERS)))


def test_boxes_are_in_the_images_pixels() -> None:
    """Several images of different sizes go in one request; each gets its boxes in its own pixels."""
    client = _Client()
    files = [_file(Image.new("RGB", size)) for size in ((160, 160), (320, 320), (320, 160))]
    found = detect_all(files, client)  # type: ignore[arg-type] # a client's predict
    assert [array.shape for array in client.asked] == [(3, 160, 160, 3)]
    assert [(one.label, one.score) for (one,) in found] == [("can", 0.75)] * 3
    boxes = [one.box for (one,) in found]
    np.testing.assert_allclose(boxes, [(40, 60, 80, 100), (80, 120, 160, 200), (80, 40, 160, 120)], atol=1e-3)
    assert detect_all([], client) == []  # type: ignore[arg-type] # a client's predict


def test_the_marks_are_where_the_boxes_are() -> None:
    """The marked PNG differs from the image on the box's frame, in the class's colour, and nowhere outside the box."""
    image = Image.new("RGB", (320, 320), (90, 90, 90))
    marked = Image.open(make_prediction(_file(image), _Client((20, 30, 120, 130))))  # type: ignore[arg-type] # predict
    assert (marked.format, marked.size) == ("PNG", (320, 320))
    changed = (np.asarray(marked) != 90).any(axis=-1)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) == (40, 60, 240, 260)
    frame = np.asarray(marked)[[259, 160, 160], [140, 40, 239]]
    assert frame.tolist() == [list(Image.new("RGB", (1, 1), COLOURS["can"]).getpixel((0, 0)))] * 3  # type: ignore[arg-type]
    assert not changed[150:255, 50:230].any()


def test_marks_stay_in_the_image() -> None:
    """Boxes at the edges, without an area, or in an image of one pixel are drawn without harm."""
    for size in ((1, 1), (50, 30)):
        boxes = [(0.0, 0.0, 0.2, 0.2), (0.0, 0.0, *map(float, size)), (size[0] - 0.1, size[1] - 0.1, *map(float, size))]
        found = [Detection(label=label, score=0.5, box=box) for label, box in zip(CLASSES, boxes, strict=False)]  # type: ignore[arg-type]
        assert draw_detections(Image.new("RGB", size), found).size == size
