"""Inputs as users write them, and the target of a call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness import Endpoint, Signature, TensorSpec
from harness.clients.inputs import Target, has_dtype, to_arrays
from harness.errors import TensorError, UsageError

_SIGNATURE = Signature(
    name="s",
    method_name="",
    inputs=(TensorSpec(name="i", dtype="int16", shape=None), TensorSpec(name="t", dtype="string", shape=None)),
    outputs=(),
)


class _Asked:
    """Counts how often the signature is asked for."""

    def __init__(self, signature: Signature | None = _SIGNATURE) -> None:
        self.signature, self.times = signature, 0

    def __call__(self) -> Signature | None:
        self.times += 1
        return self.signature


class _Tensor:
    """A foreign tensor with a dtype of its own."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:  # noqa: FBT001 - NumPy's protocol
        del dtype, copy
        if self._array is None:
            raise TypeError("on another device")
        return np.asarray(self._array)


def test_arrays_keep_their_dtype_and_need_no_signature() -> None:
    """Arrays, NumPy scalars and foreign tensors go as they are, and the signature is not asked for."""
    asked = _Asked()
    arrays = to_arrays({"a": np.zeros(2, np.float64), "b": np.float16(1), "c": _Tensor(np.ones(1, np.int8))}, asked)
    assert [array.dtype.name for array in arrays.values()] == ["float64", "float16", "int8"]
    assert asked.times == 0


def test_an_array_is_not_copied() -> None:
    """The very array is sent."""
    array = np.zeros(2)
    assert to_arrays({"a": array}, _Asked())["a"] is array


def test_values_without_a_dtype_take_the_signatures() -> None:
    """Numbers, lists and text are of the signature's dtype, which is asked for once."""
    asked = _Asked()
    arrays = to_arrays({"i": [1, 2], "t": ["a"], "other": 1.5, "none": []}, asked)
    assert arrays["i"].dtype == np.int16
    assert arrays["t"].tolist() == [b"a"]
    assert arrays["other"].dtype == np.float64
    assert asked.times == 1


def test_without_a_signature_numpy_chooses() -> None:
    """If the model has no such signature, the server is left to say so."""
    assert to_arrays({"i": [1, 2]}, _Asked(None))["i"].dtype == np.int64


def test_text_scalars_of_numpy_keep_their_nuls() -> None:
    """np.bytes_ is sent whole, though an array of it would lose trailing NULs."""
    assert to_arrays({"t": np.bytes_(b"a\0")}, _Asked())["t"].tolist() == b"a\0"


def test_masked_elements_are_refused() -> None:
    """A mask would be lost silently; an array that masks nothing is fine."""
    with pytest.raises(TensorError, match="a: tensors have no masked elements; fill them first"):
        to_arrays({"a": np.ma.masked_array([1, 2], [False, True])}, _Asked())
    assert to_arrays({"a": np.ma.masked_array([1, 2], [False, False])}, _Asked())["a"].tolist() == [1, 2]


def test_a_tensor_that_gives_no_array_is_named() -> None:
    """A foreign tensor that cannot become an array is a TensorError with its reason."""
    with pytest.raises(TensorError, match=r"a: _Tensor gives no NumPy array \(on another device\)"):
        to_arrays({"a": _Tensor(None)}, _Asked())


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ([1.0], "inputs are given by name, .* but this is list"),
        (np.zeros(1), "but this is ndarray"),
        ({1: 2.0}, "input names are text, but this one is 1"),
    ],
)
def test_inputs_of_another_form_are_refused(inputs: Any, text: str) -> None:
    """Inputs are a mapping from names."""
    with pytest.raises(UsageError, match=text):
        to_arrays(inputs, _Asked())


@pytest.mark.parametrize(
    ("value", "expected"), [(np.zeros(1), True), (np.float32(1), True), ([1], False), ("a", False)]
)
def test_who_brings_a_dtype_is_known(value: Any, expected: bool) -> None:  # noqa: FBT001 - a column
    """Arrays and NumPy scalars have a dtype, Python values have none."""
    assert has_dtype(value) is expected


@pytest.mark.parametrize(
    ("endpoint", "call", "text"),
    [
        ({}, {}, "predict model=m version=latest signature=s"),
        ({"version": 3}, {}, "predict model=m version=3 signature=s"),
        ({"version": 0}, {}, "predict model=m version=0 signature=s"),
        ({"label": "a"}, {}, "predict model=m label=a signature=s"),
        ({"label": "a"}, {"version": 0}, "predict model=m version=0 signature=s"),
        ({"version": 3}, {"label": ""}, "predict model=m label= signature=s"),
    ],
)
def test_a_target_is_the_endpoints_with_the_calls_overrides(endpoint: Any, call: Any, text: str) -> None:
    """A call's version or label replaces the endpoint's; version 0 and the empty label are themselves."""
    chosen = {"version": None, "label": None, **call}
    target = Target.of(Endpoint(grpc="h:1", rest=None, model="m", **endpoint), signature_name="s", **chosen)
    assert target.describe("predict") == text


def test_a_target_without_a_signature_names_none() -> None:
    """Status and metadata calls are about no signature."""
    assert Target(model="m", version=None, label=None).describe("status") == "status model=m version=latest"
