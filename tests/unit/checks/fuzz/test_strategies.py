"""Requests drawn from signatures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from harness import Signature, TensorSpec
from harness.checks.fuzz.hunt import hunt
from harness.checks.fuzz.strategies import examples, fits, inputs
from harness.checks.fuzz.values import elements
from harness.checks.request import Request
from harness.clients.examples import input_proto
from harness.clients.rest_codec import examples_body, predict_body
from harness.dtypes import DTYPES, dtype_of_name
from harness.errors import TensorError
from harness.tensors import from_proto, to_proto

_SOME = settings(max_examples=30)
_SENDABLE = [row.name for row in DTYPES if row.kind != "opaque"]
_specs = st.builds(
    TensorSpec,
    name=st.sampled_from("abc"),
    dtype=st.sampled_from(_SENDABLE),
    shape=st.none() | st.lists(st.none() | st.integers(0, 4), max_size=4).map(tuple),
    has_default=st.booleans(),
)
_signatures = st.lists(_specs, max_size=3, unique_by=lambda spec: spec.name).map(
    lambda specs: Signature(name="s", method_name="", inputs=tuple(sorted(specs, key=lambda s: s.name)), outputs=())
)


def _signature(*specs: tuple[str, str, Any]) -> Signature:
    return Signature(
        name="s",
        method_name="",
        inputs=tuple(TensorSpec(name=name, dtype=dtype, shape=shape) for name, dtype, shape in specs),
        outputs=(),
    )


@_SOME
@given(data=st.data(), signature=_signatures)
def test_every_drawn_input_fits_the_signature_and_can_be_sent(data: st.DataObject, signature: Signature) -> None:
    """Whatever the signature, inputs have its names, dtypes and shapes, and survive both APIs' encodings."""
    arrays = data.draw(inputs(signature))
    assert fits(signature, arrays)
    assert list(arrays) == [spec.name for spec in signature.inputs]
    for name, array in arrays.items():
        dtype = dtype_of_name(signature.input(name).dtype)
        back = from_proto(to_proto(array, dtype))
        assert back.shape == array.shape
        assert back.tolist() == array.tolist() if dtype.is_string else back.tobytes() == array.tobytes()
        if dtype.kind != "complex":
            predict_body({name: array}, signature_name="s", layout="column")


@_SOME
@given(data=st.data(), signature=_signatures)
def test_inputs_with_a_default_may_be_missing(data: st.DataObject, signature: Signature) -> None:
    """Where that is asked for, what is left out has a default."""
    arrays = data.draw(inputs(signature, leave_out_defaults=True))
    assert fits(signature, arrays)
    assert all(spec.has_default for spec in signature.inputs if spec.name not in arrays)


@_SOME
@given(data=st.data(), size=st.integers(0, 4))
def test_open_dimensions_keep_their_limits(data: st.DataObject, size: int) -> None:
    """Open dimensions have the sizes that were asked for, fixed ones their own."""
    signature = _signature(("x", "float32", (None, 7, None)), ("y", "int8", None))
    arrays = data.draw(inputs(signature, min_size=size, max_size=size))
    assert arrays["x"].shape == (size, 7, size)
    assert set(arrays["y"].shape) <= {size}


@_SOME
@given(data=st.data())
def test_known_inputs_are_varied_by_rows_and_values(data: st.DataObject) -> None:
    """Near a known request, inputs are its rows with a few values replaced, or not near it at all."""
    signature = _signature(("x", "int64", (None, 50)), ("y", "string", (None,)))
    known = {"x": np.full((2, 50), 4711, np.int64), "y": np.array([b"left", b"right"], dtype=object)}
    arrays = data.draw(inputs(signature, near=[known]))
    assert fits(signature, arrays)
    if len(arrays["x"]) and (arrays["x"] == 4711).any():
        assert (arrays["x"] != 4711).sum() <= 2


def _sample(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """Return up to 600 examples as the check fuzz draws them: by a seed, whatever modules are loaded."""
    drawn: list[Any] = []
    hunt(
        strategy,
        lambda example: drawn.append(example) or (),
        key=lambda _: len(drawn),
        seed="0",
        examples=600,
        limit_s=math.inf,
    )
    return drawn


def test_rows_of_a_known_request_are_drawn() -> None:
    """A known request is met whole, in part, and with a value changed."""
    known = [{"x": np.array([4711, 4712])}]
    drawn = [arrays["x"].tolist() for arrays in _sample(inputs(_signature(("x", "int64", (None,))), near=known))]
    assert [4711, 4712] in drawn
    assert [4712] in drawn
    assert any({4711} < set(values) - {4712} for values in drawn)


@_SOME
@given(data=st.data())
def test_a_known_request_that_does_not_fit_is_not_used(data: st.DataObject) -> None:
    """Known inputs of another dtype lead to nothing of that dtype."""
    signature = _signature(("x", "float32", (None,)))
    assert data.draw(inputs(signature, near=[{"x": np.array([1.0])}]))["x"].dtype == np.float32


def test_inputs_share_their_number_of_rows_or_not() -> None:
    """Two inputs with open first dimensions have mostly the same size, and now and then different ones."""
    drawn = _sample(inputs(_signature(("x", "float32", (None,)), ("y", "float32", (None,)))))
    is_same = [len(arrays["x"]) == len(arrays["y"]) for arrays in drawn]
    assert 0.5 < sum(is_same) / len(is_same) < 1


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_floats_come_with_what_breaks_models(dtype: str) -> None:
    """NaN, both infinities, -0.0, the largest number and a denormal one are among the drawn floats."""
    tiny = float(np.finfo(np.float32).tiny) if dtype in {"float32", "bfloat16"} else float(np.finfo(dtype).tiny)
    drawn = [float(arrays["x"]) for arrays in _sample(inputs(_signature(("x", dtype, ()))))]
    for is_it in (
        math.isnan,
        lambda value: value == math.inf,
        lambda value: value == -math.inf,
        lambda value: value == 0 and math.copysign(1, value) < 0,
        lambda value: 6e4 < value < math.inf,
        lambda value: 0 < value < tiny,
    ):
        assert any(map(is_it, drawn))


@pytest.mark.parametrize("dtype", [row.name for row in DTYPES if row.kind in {"int", "uint"} and row.is_native])
def test_integers_come_to_their_limits(dtype: str) -> None:
    """The smallest and the largest number of each integer dtype are drawn."""
    info = np.iinfo(dtype_of_name(dtype).numpy)
    assert {int(info.min), int(info.max)} <= set(_sample(elements(dtype)))


def test_strings_come_as_any_bytes() -> None:
    """Empty ones, NUL bytes, long ones and bytes that are no UTF-8 are drawn."""
    drawn = _sample(elements("string"))
    assert b"" in drawn
    assert any(b"\0" in value for value in drawn)
    assert any(len(value) > 500 for value in drawn)
    assert any(value.decode("utf-8", "ignore").encode() != value for value in drawn)


def test_what_no_array_holds_is_refused_before_drawing() -> None:
    """A resource input has no strategy."""
    with pytest.raises(TensorError, match="resource tensors cannot be held"):
        inputs(_signature(("x", "resource", ())))


def test_examples_shrink_to_tame_values() -> None:
    """What is left of a failing example is what made it fail: one NaN among zeros in the smallest batch."""
    strategy = inputs(_signature(("x", "float32", (None, 2))))
    found = find(strategy, lambda arrays: bool(np.isnan(arrays["x"]).any()), settings=settings(database=None))
    assert str(found["x"].tolist()) in {"[[0.0, nan]]", "[[nan, 0.0]]"}


_KNOWN = Request(
    signature_name="s",
    method="classify",
    examples=({"age": 30.0, "name": "ann", "ids": [1, 2]}, {"age": [31.5]}, {}),
    context={"hour": 7},
)


@_SOME
@given(request=examples([_KNOWN]))
def test_every_drawn_example_can_be_sent(request: Request) -> None:
    """Whatever was changed, both APIs can carry it; signature, method and context stay."""
    assert (request.signature_name, request.method, request.context) == ("s", "classify", {"hour": 7})
    assert 1 <= len(request.examples) <= 3
    assert set().union(*request.examples) <= {"age", "name", "ids"}
    input_proto(request.examples, request.context)
    examples_body(request.examples, request.context, signature_name="s")


def test_features_are_dropped_and_change_kind_and_length() -> None:
    """A known example is met as it is, without a feature, and with one of another kind or length."""
    drawn = [example for request in _sample(examples([_KNOWN])) for example in request.examples]
    assert _KNOWN.examples[0] in drawn
    assert any(set(example) == {"age", "name"} for example in drawn)
    ages = [list(np.atleast_1d(example["age"])) for example in drawn if "age" in example]
    assert {0, 1, 2, 3} <= {len(age) for age in ages}
    assert {bytes, int, float} <= {type(getattr(age[0], "item", lambda age=age: age[0])()) for age in ages if age}
