"""A served answer judged by what the model answers without a server."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.checks.local.verdict import Verdict, judge
from harness.checks.tolerance import TOLERANCES

_Y = {"y": np.array([1.0, 2.0], np.float32)}
_CLASSES = {"class": np.array([3, 1], np.int64)}


def _judge(served: Any, local: Any, **more: Any) -> Verdict:
    return judge(served, local, **{"again": local, **more})


def test_equal_answers_are_the_same() -> None:
    """Within the usual tolerance, NaN in the same place included, there is nothing to tell."""
    nan = {"y": np.array([np.nan, 2.0], np.float32)}
    assert _judge({"y": _Y["y"] + np.float32(1e-7)}, _Y, nudged={"y": _Y["y"] * 2}) == Verdict(same=("y",))
    assert _judge(nan, nan) == Verdict(same=("y",))


def test_another_answer_is_an_error() -> None:
    """What differs, is missing or is too much is an error; what is the same is told beside it."""
    verdict = _judge({**_CLASSES, "y": _Y["y"] * 2, "more": _Y["y"]}, {**_CLASSES, **_Y, "less": _Y["y"]})
    assert [str(error).partition(" (")[0] for error in verdict.errors] == [
        "less: is missing",
        "more: was not expected",
        "y: [1] is 4.0, expected 2.0",
    ]
    assert verdict.same == ("class",)


def test_what_differs_from_run_to_run_is_a_doubt() -> None:
    """An output that the model itself does not repeat is not compared, but it must be there."""
    again = {"y": _Y["y"] + 1}
    verdict = _judge({"y": _Y["y"] * 9}, _Y, again=again)
    assert verdict.errors == ()
    assert verdict.doubts[0].startswith(
        "y is not deterministic, without a server neither (e.g. [0] is 2.0, expected 1.0"
    )
    assert [str(error) for error in _judge({}, _Y, again=again).errors] == ["y: is missing"]


def test_a_model_that_rounds_badly_has_more_tolerance() -> None:
    """What inputs one rounding apart move by 0.001 may be off by some hundredths, which is told; more is an error."""
    nudged = {"y": _Y["y"] + np.float32(1e-3)}
    (note,) = _judge({"y": _Y["y"] + np.float32(0.02)}, _Y, nudged=nudged).notes
    assert note.startswith("y: [0] is 1.02, expected 1.0 (")
    assert note.endswith(", which is rounding: inputs one rounding apart move it as far")
    assert _judge({"y": _Y["y"] + np.float32(0.1)}, _Y, nudged=nudged).errors != ()
    assert _judge({"y": _Y["y"] + np.float32(0.02)}, _Y, nudged=_Y).errors != ()


def test_a_class_that_hangs_on_rounding_is_a_doubt() -> None:
    """Numbers of a class have no tolerance: one that the nudge changes as well says nothing, any other is an error."""
    other = {"class": np.array([3, 2], np.int64)}
    (doubt,) = _judge(other, _CLASSES, nudged={"class": np.array([4, 1], np.int64)}).doubts
    assert doubt.startswith("class: [1] is 2, expected 1 (1 of 2 differ), but it hangs on rounding")
    assert _judge(other, _CLASSES, nudged=_CLASSES).errors != ()
    assert _judge(other, _CLASSES).errors != ()


def test_a_shape_that_hangs_on_rounding_is_a_doubt() -> None:
    """So it is with how many rows an output has."""
    more = {"y": np.ones(3, np.float32)}
    assert _judge(more, _Y, nudged=more).doubts != ()
    assert _judge(more, _Y, nudged=_Y).errors != ()


def test_tolerances_are_given() -> None:
    """Another build of TensorFlow is judged by wider ones."""
    served = {"y": _Y["y"] * np.float32(1.00005)}
    assert _judge(served, _Y).errors != ()
    assert _judge(served, _Y, tolerances={name: one.times(10) for name, one in TOLERANCES.items()}).errors == ()
