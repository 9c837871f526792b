"""The fast reader of numbers gives what the general reader gives, or leaves the body to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.clients.rest_codec import _outputs
from harness.clients.rest_numbers import read_numbers
from harness.dtypes import DTYPES
from harness.errors import TensorError
from harness.signatures import Signature, TensorSpec
from harness.tensors_json import loads

if TYPE_CHECKING:
    from harness import RestClient

_FAST = [row for row in DTYPES if row.rest_output and row.kind in {"float", "int", "uint"}]


def _signature(**dtypes: str) -> Signature:
    outputs = tuple(TensorSpec(name=name, dtype=dtype, shape=None) for name, dtype in sorted(dtypes.items()))
    return Signature(name="s", method_name="", inputs=(), outputs=outputs)


def _slowly(body: bytes, key: str, signature: Signature) -> dict[str, np.ndarray] | None:
    """Return what the general reader gives, None where it refuses."""
    try:
        return _outputs(loads(body), key, signature)
    except (TensorError, ValueError):
        return None


def _assert_alike(body: bytes, key: str, signature: Signature) -> dict[str, np.ndarray] | None:
    fast = read_numbers(body, key, signature.outputs)
    if fast is not None:
        slow = _slowly(body, key, signature)
        assert slow is not None, "the fast reader took what the general one refuses"
        assert list(fast) == list(slow)
        for name, array in fast.items():
            assert array.dtype == slow[name].dtype
            assert array.shape == slow[name].shape
            assert array.tobytes() == slow[name].tobytes()
    return fast


@given(data=st.data(), indent=st.sampled_from([None, 0, 4]))
def test_arrays_of_numbers_are_read_fast_and_alike(data: st.DataObject, indent: int | None) -> None:
    """Every array of finite numbers is taken by the fast reader, bit for bit as the general one reads it."""
    row = data.draw(st.sampled_from(_FAST))
    finite: dict[str, Any] = {"allow_nan": False, "allow_infinity": False} if row.kind == "float" else {}
    array = data.draw(hnp.arrays(row.numpy, hnp.array_shapes(max_dims=4, max_side=4), elements=finite))
    body = json.dumps({"outputs": array.tolist()}, indent=indent).encode()
    fast = _assert_alike(body, "outputs", _signature(y=row.name))
    assert fast is not None
    assert fast["y"].tobytes() == array.tobytes()


_scalars = (
    st.integers(-(2**70), 2**70)
    | st.floats(width=32)
    | st.sampled_from([0, -0.0, 1e39, 1.5, 255, 256, -1, 2**63, 2**64])
    | st.booleans()
    | st.none()
    | st.text(max_size=2)
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
)


@given(value=_values, row=st.sampled_from([row for row in DTYPES if row.rest_output]))
def test_any_document_is_read_alike_or_left_alone(value: Any, row: Any) -> None:
    """Whatever stands for the output, the fast reader never disagrees with the general one."""
    _assert_alike(json.dumps({"outputs": value}).encode(), "outputs", _signature(y=row.name))


@given(value=st.dictionaries(st.sampled_from(["a", "b", "é", 'q"', "e1"]), _values, max_size=3))
def test_any_named_outputs_are_read_alike_or_left_alone(value: Any) -> None:
    """With several outputs, too: names missing, escaped or beside the signature are left to the general reader."""
    for ensure_ascii in (True, False):
        body = json.dumps({"outputs": value}, ensure_ascii=ensure_ascii).encode()
        _assert_alike(body, "outputs", _signature(a="float32", b="int64"))
        _assert_alike(body, "outputs", _signature(é="float32", e1="float64"))


@given(body=st.text(alphabet='[]{},:"ay1.5-e NIx\n', max_size=40))
def test_any_text_is_read_alike_or_left_alone(body: str) -> None:
    """Text that is hardly JSON is never taken for numbers that the general reader does not see."""
    _assert_alike(body.encode(), "outputs", _signature(y="float32"))
    _assert_alike(f'{{"outputs": {body}}}'.encode(), "outputs", _signature(y="float32"))


@pytest.mark.parametrize(
    "body",
    [
        b'{"outputs": [[1, 2], [3]]}',
        b'{"outputs": [1, [2]]}',
        b'{"outputs": [[1], [2, 3], [4]]}',
        b'{"outputs": [[1], []]}',
        b'{"outputs": [[[1, 2]], [3, 4]]}',
        b'{"outputs": []}',
        b'{"outputs": [[], []]}',
        b'{"outputs": 1}',
        b'{"outputs": [1, NaN]}',
        b'{"outputs": [1, true]}',
        b'{"outputs": [1, null]}',
        b'{"outputs": ["1"]}',
        b'{"outputs": [1e39]}',
        b'{"outputs": [1e400]}',
        b'{"outputs": [1], "more": [2]}',
        b'{"outputs": [1], "outputs": [2, 3]}',
        b'{"outputs": [1]} x',
        b'{"outputs": {"y": [1]}}',
        b"[1]",
        b"",
        b"\xff",
        b'{"outputs": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    ],
)
def test_what_is_not_plainly_numbers_is_left_alone(body: bytes) -> None:
    """Ragged lists, other values, surplus keys and broken text are for the general reader to judge."""
    assert read_numbers(body, "outputs", _signature(y="float32").outputs) is None


@pytest.mark.parametrize(
    ("dtype", "body"),
    [
        ("int32", b'{"outputs": [1.0]}'),
        ("uint8", b'{"outputs": [256]}'),
        ("int8", b'{"outputs": [-129]}'),
        ("uint64", b'{"outputs": [-1]}'),
        ("int64", b'{"outputs": [9223372036854775808]}'),
        ("bool", b'{"outputs": [true]}'),
        ("string", b'{"outputs": ["a"]}'),
    ],
)
def test_values_of_other_dtypes_are_left_alone(dtype: str, body: bytes) -> None:
    """A value that the dtype does not hold is not bent."""
    assert read_numbers(body, "outputs", _signature(y=dtype).outputs) is None


def test_several_outputs_come_in_the_signatures_order() -> None:
    """The document's order does not matter."""
    fast = read_numbers(b'{"outputs": {"b": [1], "a": [[2.5]]}}', "outputs", _signature(a="float32", b="int8").outputs)
    assert fast is not None
    assert [(name, array.tolist()) for name, array in fast.items()] == [("a", [[2.5]]), ("b", [1])]


def test_long_answers_are_read_alike(rest_client: RestClient, fake_rest: Any, make: Any) -> None:
    """An answer long enough for the fast reader gives the same arrays, several outputs among them."""
    a, b = np.random.default_rng(0).random((50, 4, 5), np.float32), np.arange(2000)
    fake_rest.answers["/v1/models/m/metadata"] = (
        200,
        make.metadata_json({"x": "float32"}, {"a": "float32", "b": "int64"}),
    )
    text = json.dumps({"outputs": {"b": b.tolist(), "a": a.tolist()}}, indent=1)
    fake_rest.answers["/v1/models/m:predict"] = (200, text.encode())
    outputs = rest_client.predict({"x": np.ones(2, np.float32)}).outputs
    assert list(outputs) == ["a", "b"]
    np.testing.assert_array_equal(outputs["a"], a)
    np.testing.assert_array_equal(outputs["b"], b)
    assert outputs["b"].dtype == np.int64
