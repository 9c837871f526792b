"""The digits classifier on real handwriting, from image file to digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.findings import Finding
from harness.results import Picture
from models import digits

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.serving(model="digits")

LEAST_ACCURACY = 0.97


def test_held_out_images_are_recognised(client: Any, record_finding: Callable[[Any], None]) -> None:
    """The served model reads at least 97 % of the held-out images correctly."""
    images, labels = digits.load_test_set()
    scores = client.predict({"image": images})["scores"]
    accuracy = float((np.argmax(scores, axis=1) == labels).mean())
    record_finding(
        Finding(
            check="accuracy",
            model="digits",
            subject=f"{len(images)} held-out images over {'gRPC' if client.api == 'grpc' else 'REST'}",
            passed=accuracy >= LEAST_ACCURACY,
            tried="predict every held-out image of scikit-learn's digits",
            expected=f"at least {LEAST_ACCURACY:.0%} of the labels",
            seen=f"{accuracy:.2%}",
        )
    )


@pytest.mark.parametrize("sample", digits.SAMPLES, ids=lambda sample: sample.path.name)
def test_image_files_are_read(client: Any, sample: Any, record_picture: Callable[[Picture], None]) -> None:
    """An image file, prepared by the client, brings the digit it shows."""
    image = digits.preprocess(sample.path)
    (reading,) = digits.postprocess(client.predict({"image": image[np.newaxis]})["scores"])
    assert reading.label == sample.label
    if client.api == "grpc" and sample.path.suffix == ".png":
        caption = f"read as {reading.label} ({reading.probability:.3f})"
        record_picture(Picture(caption=caption, png=sample.path.read_bytes(), model="digits"))
