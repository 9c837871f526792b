"""half_plus_two and its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.savedmodel import preflight
from models import half_plus_two

if TYPE_CHECKING:
    from pathlib import Path


def test_each_version_adds_its_own_number(tmp_path: Path) -> None:
    """Version V answers x / 2 + V + 1, so that an answer shows its version."""
    tf: Any = pytest.importorskip("tensorflow")
    base_path = half_plus_two.export_all(tmp_path / "half_plus_two")
    assert [layout.version for layout in preflight(base_path).versions] == [1, 2, 3]
    for version, y in ((1, 3.0), (2, 4.0), (3, 5.0)):
        serve = tf.saved_model.load(str(base_path / str(version))).signatures["serving_default"]
        assert serve(x=tf.constant(2.0))["y"].numpy() == y
        assert half_plus_two.expected(np.array(2.0), version=version) == y


def test_the_next_export_is_the_next_version(tmp_path: Path) -> None:
    """Exports without a number follow each other, each adding one more."""
    base_path = half_plus_two.export(tmp_path / "m", version=4)
    assert half_plus_two.export(tmp_path / "m") == base_path
    assert [layout.version for layout in preflight(base_path).versions] == [4, 5]


def test_examples_follow_the_version() -> None:
    """The examples of a version have its answers."""
    (first, *_), (third, *_) = half_plus_two.examples(), half_plus_two.examples(version=3)
    assert first.outputs["y"].tolist() == [2.5, 3.0, 4.5]
    assert third.outputs["y"].tolist() == [4.5, 5.0, 6.5]
