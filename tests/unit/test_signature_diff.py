"""What a change of signature means for callers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.signature_diff import Change, diff
from harness.signatures import Signature, TensorSpec


def _spec(name: str, dtype: str = "float32", shape: Any = (None, 8), *, has_default: bool = False) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape, has_default=has_default)


_X, _Y = _spec("x"), _spec("y")


def _signature(inputs: Any = (_X,), outputs: Any = (_Y,), method_name: str = "predict") -> Signature:
    return Signature(name="s", method_name=method_name, inputs=tuple(inputs), outputs=tuple(outputs))


def _changes(before: Signature, after: Signature) -> list[tuple[str, bool]]:
    return [(change.subject, change.breaking) for change in diff({"s": before}, {"s": after})]


_TWO_IN = (_spec("a"), _spec("b"))
_BASE = _signature()

CASES: list[tuple[str, Signature, Signature, list[tuple[str, bool]]]] = [
    ("same", _BASE, _BASE, []),
    ("method name", _BASE, replace(_BASE, method_name="classify"), [("s method name", True)]),
    ("input dtype", _BASE, _signature([_spec("x", "float64")]), [("s input x", True)]),
    ("output dtype", _BASE, _signature(outputs=[_spec("y", "int64")]), [("s output y", True)]),
    ("input narrower", _BASE, _signature([_spec("x", shape=(4, 8))]), [("s input x", True)]),
    ("input wider", _BASE, _signature([_spec("x", shape=(None, None))]), [("s input x", False)]),
    ("input of any rank", _BASE, _signature([_spec("x", shape=None)]), [("s input x", False)]),
    ("input of one rank", _signature([_spec("x", shape=None)]), _BASE, [("s input x", True)]),
    ("input of another rank", _BASE, _signature([_spec("x", shape=(None,))]), [("s input x", True)]),
    ("output narrower", _BASE, _signature(outputs=[_spec("y", shape=(4, 8))]), [("s output y", False)]),
    ("output wider", _BASE, _signature(outputs=[_spec("y", shape=(None, None))]), [("s output y", True)]),
    ("output of any rank", _BASE, _signature(outputs=[_spec("y", shape=None)]), [("s output y", True)]),
    ("output of one rank", _signature(outputs=[_spec("y", shape=None)]), _BASE, [("s output y", False)]),
    ("input gone", _signature(_TWO_IN), _signature(_TWO_IN[:1]), [("s input b", True)]),
    (
        "input renamed",
        _BASE,
        _signature([_spec("z")]),
        [("s input x", True), ("s input z", True)],
    ),
    (
        "output renamed",
        _BASE,
        _signature(outputs=[_spec("z")]),
        [("s output y", True), ("s output z", False)],
    ),
    (
        "second input, required",
        _signature(_TWO_IN[:1]),
        _signature(_TWO_IN),
        [("s input b", True), ("s REST request", True)],
    ),
    (
        "second input, with default",
        _signature(_TWO_IN[:1]),
        _signature([_spec("a"), _spec("b", has_default=True)]),
        [("s REST request", True), ("s input b", False)],
    ),
    (
        "third input, with default",
        _signature(_TWO_IN),
        _signature([*_TWO_IN, _spec("c", has_default=True)]),
        [("s REST request", True), ("s input c", False)],
    ),
    ("default given", _BASE, _signature([_spec("x", has_default=True)]), [("s input x", False)]),
    ("default gone", _signature([_spec("x", has_default=True)]), _BASE, [("s input x", True)]),
    (
        "second output",
        _BASE,
        _signature(outputs=[_spec("y"), _spec("z")]),
        [("s REST answer", True), ("s output z", False)],
    ),
    (
        "third output",
        _signature(outputs=[_spec("y"), _spec("z")]),
        _signature(outputs=[_spec("y"), _spec("z"), _spec("zz")]),
        [("s output zz", False)],
    ),
    (
        "second output gone",
        _signature(outputs=[_spec("y"), _spec("z")]),
        _BASE,
        [("s output z", True), ("s REST answer", True)],
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_change_is_named_and_judged(before: Signature, after: Signature, expected: list[tuple[str, bool]]) -> None:
    """Each difference is one change, breaking if a caller of the first can fail on the second over either API."""
    assert _changes(before, after) == expected


def test_signatures_come_and_go() -> None:
    """A signature that is gone breaks its callers; a new one breaks no one."""
    changes = diff({"old": _BASE, "same": _BASE}, {"new": _BASE, "same": _BASE})
    assert [(change.subject, change.breaking) for change in changes] == [
        ("signature old", True),
        ("signature new", False),
    ]


def test_entries_of_the_loader_are_left_out() -> None:
    """The init op comes and goes unnoticed."""
    internal = replace(_BASE, name="__saved_model_init_op")
    assert diff({internal.name: internal}, {}) == []
    assert diff({}, {internal.name: internal}) == []


def test_breaking_changes_come_first() -> None:
    """What breaks callers is listed before what does not."""
    before = _signature([_spec("a"), _spec("b", shape=(1,))])
    after = _signature([_spec("a", shape=None), _spec("b", shape=(2,))])
    assert _changes(before, after) == [("s input b", True), ("s input a", False)]


def test_a_change_is_a_line_for_people() -> None:
    """A change reads as kind, subject, before, after and consequence."""
    change = Change(subject="s input x", before="float32 [?]", after="", breaking=True, why="refused")
    assert str(change) == "breaking: s input x: float32 [?] -> absent (refused)"
    assert str(replace(change, before="", after="a", breaking=False)) == "compatible: s input x: absent -> a (refused)"


def test_both_forms_are_shown() -> None:
    """A change shows how it was and how it is."""
    (change,) = diff({"s": _BASE}, {"s": _signature([_spec("x", shape=None)])})
    assert (change.before, change.after) == ("[?, 8]", "unknown rank")
    (change,) = diff({"s": _BASE}, {"s": _signature([_spec("x", has_default=True)])})
    assert (change.before, change.after) == ("no default", "has a default")


_shapes = st.none() | st.lists(st.none() | st.integers(0, 3), max_size=3).map(tuple)
_specs = st.builds(
    TensorSpec,
    name=st.sampled_from("abc"),
    dtype=st.sampled_from(["float32", "int32"]),
    shape=_shapes,
    has_default=st.booleans(),
)
_sides = st.lists(_specs, max_size=3, unique_by=lambda spec: spec.name).map(
    lambda specs: tuple(sorted(specs, key=lambda spec: spec.name))
)
_signatures = st.builds(
    Signature, name=st.just("s"), method_name=st.sampled_from(["p", "c"]), inputs=_sides, outputs=_sides
)


@given(left=_signatures, right=_signatures)
def test_there_are_changes_exactly_where_signatures_differ(left: Signature, right: Signature) -> None:
    """Diff is empty for equal signatures and only for them (an output's default means nothing)."""
    stripped = [
        replace(side, outputs=tuple(replace(spec, has_default=False) for spec in side.outputs))
        for side in (left, right)
    ]
    assert bool(diff({"s": stripped[0]}, {"s": stripped[1]})) == (stripped[0] != stripped[1])


@given(left=_signatures, middle=_signatures, right=_signatures)
def test_harmless_steps_make_a_harmless_way(left: Signature, middle: Signature, right: Signature) -> None:
    """If neither of two steps breaks a caller, going both at once does not."""
    steps = [diff({"s": left}, {"s": middle}), diff({"s": middle}, {"s": right})]
    if not any(change.breaking for step in steps for change in step):
        assert not any(change.breaking for change in diff({"s": left}, {"s": right}))


def _hint(before: Any, after: Any, subject: str) -> str:
    (change,) = [change for change in diff(before, after) if change.subject == subject]
    return change.why.partition("; renamed ")[2]


def test_a_new_name_for_the_same_tensor_is_recognised() -> None:
    """What is gone and what is new name each other, if dtype and shape are the same."""
    before, after = {"s": _signature(outputs=[_spec("probs")])}, {"s": _signature(outputs=[_spec("scores")])}
    assert _hint(before, after, "s output probs") == "to scores?"
    assert _hint(before, after, "s output scores") == "from probs?"


@pytest.mark.parametrize("other", [_spec("scores", "float64"), _spec("scores", shape=(None, 9)), _spec("y")])
def test_another_tensor_is_no_new_name(other: TensorSpec) -> None:
    """Another dtype, another shape, or a name that was there before is no renaming."""
    before = {"s": _signature(outputs=[_Y, _spec("probs")])}
    after = {"s": _signature(outputs=[_Y] if other.name == "y" else [_Y, other])}
    assert _hint(before, after, "s output probs") == ""


def test_of_several_new_names_the_most_alike_come_first() -> None:
    """Where several new tensors are alike, up to three are named, those with the most similar names first."""
    before = {"s": _signature(outputs=[_spec("keras_tensor_3")])}
    names = ["a", "keras_tensor_9", "keras", "zzz"]
    after = {"s": _signature(outputs=[_spec(name) for name in names])}
    assert _hint(before, after, "s output keras_tensor_3") == "to keras_tensor_9 or keras or a?"


def test_a_new_name_for_the_same_signature_is_recognised() -> None:
    """A signature that is gone names the one that takes and gives the same."""
    one, other = _signature(), replace(_signature([_spec("z")]), name="other")
    assert _hint({"s": one}, {"t": one, "other": other}, "signature s") == "to t?"
    assert _hint({"s": one}, {"other": other}, "signature s") == ""
