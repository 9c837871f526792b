"""What a served model answers, as values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.prediction import Class, Classification, Prediction, Regression, VersionStatus


def _prediction(values: Any = (1.0, 2.0), dtype: Any = np.float32) -> Prediction:
    outputs = {"y": np.array(values, dtype)}
    return Prediction(model="m", model_version=1, signature_name="s", outputs=outputs)


def test_outputs_are_found_by_name() -> None:
    """A prediction gives its outputs like a mapping."""
    assert _prediction()["y"].tolist() == [1.0, 2.0]
    with pytest.raises(KeyError):
        _prediction()["z"]


def test_equal_predictions_have_equal_arrays() -> None:
    """Predictions are equal if names, dtypes, shapes and all values are."""
    assert _prediction() == _prediction()
    others = [_prediction((1.0, 3.0)), _prediction((1.0,)), _prediction(dtype=np.float64)]
    others += [replace(_prediction(), model_version=2), replace(_prediction(), outputs={})]
    for other in [*others, "a prediction"]:
        assert _prediction() != other


def test_nan_equals_nothing() -> None:
    """A prediction that holds NaN equals no other."""
    assert _prediction((np.nan,)) != _prediction((np.nan,))


def test_equal_regressions_have_equal_values() -> None:
    """Regressions are compared by their values, too."""
    left = Regression(model="m", model_version=1, signature_name="s", values=np.array([1.0, 2.0], np.float32))
    assert left == replace(left, values=left.values.copy())
    assert left != replace(left, values=left.values + 1)
    assert left != _prediction()


def test_answers_with_arrays_have_no_hash() -> None:
    """What holds arrays is no key of a dict; what holds none is."""
    with pytest.raises(TypeError):
        hash(_prediction())
    classes = Classification(model="m", model_version=1, signature_name="s", classes=((Class("a", 1.0),),))
    assert hash(classes) == hash(replace(classes))


@pytest.mark.parametrize(
    ("status", "available", "failed", "text"),
    [
        (VersionStatus(version=3, state="AVAILABLE"), True, False, "version 3 AVAILABLE"),
        (VersionStatus(version=3, state="END"), False, False, "version 3 END"),
        (
            VersionStatus(version=3, state="END", error_code="NOT_FOUND", error_message="gone"),
            False,
            True,
            "version 3 END (NOT_FOUND: gone)",
        ),
        (
            VersionStatus(version=3, state="LOADING", error_code="UNKNOWN"),
            False,
            False,
            "version 3 LOADING (UNKNOWN: )",
        ),
    ],
)
def test_a_versions_state_is_told(status: VersionStatus, available: bool, failed: bool, text: str) -> None:  # noqa: FBT001 - columns
    """A version is available, failed (ended with an error), or neither."""
    assert (status.is_available, status.has_failed, str(status)) == (available, failed, text)
