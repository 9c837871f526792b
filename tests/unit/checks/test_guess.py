"""Inputs guessed from signatures."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Signature, TensorSpec
from harness.checks import guess_inputs
from harness.checks.extents import Extent
from harness.checks.guess import examples_of_extent, inputs_of_extent
from harness.checks.samples import text_sample
from harness.dtypes import DTYPES, dtype_of_name
from harness.errors import TensorError
from harness.protos import example_pb2
from harness.tensors import from_proto, to_proto
from harness.text_input import Feature, TextInput

_shapes = st.none() | st.lists(st.none() | st.integers(0, 3), max_size=4).map(tuple)
_specs = st.builds(
    TensorSpec,
    name=st.sampled_from("abc"),
    dtype=st.sampled_from([row.name for row in DTYPES if row.kind != "opaque"]),
    shape=_shapes,
)
_signatures = st.lists(_specs, max_size=3, unique_by=lambda spec: spec.name).map(
    lambda specs: Signature(name="s", method_name="", inputs=tuple(specs), outputs=())
)


@given(signature=_signatures, batch_size=st.integers(1, 3), seed=st.integers(0, 2**32))
def test_guesses_fit_any_signature(signature: Signature, batch_size: int, seed: int) -> None:
    """Every input is there in its dtype and a shape that fits, can be sent, and is the same for the same seed."""
    inputs = guess_inputs(signature, batch_size=batch_size, seed=seed)
    assert list(inputs) == [spec.name for spec in signature.inputs]
    again = guess_inputs(signature, batch_size=batch_size, seed=seed)
    for spec in signature.inputs:
        array = inputs[spec.name]
        dtype = dtype_of_name(spec.dtype)
        assert array.dtype == dtype.numpy
        if spec.shape is None:
            assert array.shape == (batch_size,)
        else:
            wanted = [batch_size if axis == 0 else 1 for axis in range(len(spec.shape))]
            assert array.shape == tuple(w if s is None else s for s, w in zip(spec.shape, wanted, strict=True))
        assert from_proto(to_proto(array, dtype)).tolist() == array.tolist() == again[spec.name].tolist()
        if dtype.kind in {"int", "uint", "float"}:
            assert ((array.astype(np.float64) >= 0) & (array.astype(np.float64) < 10)).all()


@pytest.mark.parametrize("dtype", ["int2", "uint2", "int4"])
def test_narrow_integers_do_not_wrap(dtype: str) -> None:
    """Integers that end below 9 get values within their range."""
    signature = Signature(
        name="s", method_name="", inputs=(TensorSpec(name="x", dtype=dtype, shape=(200,)),), outputs=()
    )
    values = guess_inputs(signature)["x"].astype(int)
    assert values.min() >= 0
    assert len(set(values.tolist())) > 1


def test_another_seed_gives_other_values() -> None:
    """Seeds matter."""
    spec = TensorSpec(name="x", dtype="float32", shape=(None, 8))
    signature = Signature(name="s", method_name="", inputs=(spec,), outputs=())
    assert guess_inputs(signature, seed=1)["x"].tolist() != guess_inputs(signature, seed=2)["x"].tolist()


def test_what_no_array_holds_is_refused() -> None:
    """A resource input cannot be guessed."""
    spec = TensorSpec(name="x", dtype="resource", shape=())
    with pytest.raises(TensorError, match="resource tensors cannot be held"):
        guess_inputs(Signature(name="s", method_name="", inputs=(spec,), outputs=()))


def test_strings_are_what_the_graph_says() -> None:
    """Words where nothing is said, and base64 around what the model decodes."""
    specs = tuple(TensorSpec(name=name, dtype="string", shape=(None,)) for name in ("picture", "word"))
    signature = Signature(name="s", method_name="", inputs=specs, outputs=())
    inputs = guess_inputs(signature, texts={"picture": TextInput(content="png", is_base64=True)})
    assert [base64.urlsafe_b64decode(text) for text in inputs["picture"]] == [
        text_sample("png", 0),
        text_sample("png", 1),
    ]
    assert inputs["word"].tolist() == [b"the", b"served"]


def test_tf_examples_go_into_tensors_serialised() -> None:
    """A string input that is parsed gets one tf.Example in each element, of any shape."""
    features = (Feature(name="x", dtype="float32", shape=(2,)),)
    signature = Signature(
        name="s", method_name="", inputs=(TensorSpec(name="e", dtype="string", shape=(None, 1)),), outputs=()
    )
    array = guess_inputs(signature, texts={"e": TextInput(content="example", features=features)})["e"]
    assert array.shape == (2, 1)
    parsed = [example_pb2.Example.FromString(text) for text in array[:, 0]]
    assert [len(one.features.feature["x"].float_list.value) for one in parsed] == [2, 2]
    assert parsed[0] != parsed[1]


def test_extents_set_rows_sizes_and_the_range_of_integers() -> None:
    """Open dimensions take the sizes asked for, and integers stay below the top."""
    spec = TensorSpec(name="x", dtype="int64", shape=(None, None, 3))
    signature = Signature(name="s", method_name="", inputs=(spec,), outputs=())
    array = inputs_of_extent(signature, Extent(rows=1, open_size=5, top=2), seed=0, texts={})["x"]
    assert array.shape == (1, 5, 3)
    assert set(array.reshape(-1).tolist()) == {0, 1}


def test_examples_come_in_rows() -> None:
    """One mapping of features for each row, the same for the same seed."""
    features = [Feature(name="i", dtype="int64", shape=(3,))]
    examples = examples_of_extent(features, Extent(rows=4), seed=1)
    assert [len(example["i"]) for example in examples] == [3, 3, 3, 3]
    assert examples == examples_of_extent(features, Extent(rows=4), seed=1)
    assert examples != examples_of_extent(features, Extent(rows=4), seed=2)
