"""Features by name as tf.Example and as JSON, against TensorFlow's parser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clients.examples import input_proto, json_examples, json_features, serialized_example
from harness.errors import TensorError, UsageError
from harness.protos import example_pb2

FEATURES: list[tuple[Any, str, list[Any]]] = [
    (1.5, "float_list", [1.5]),
    (2, "int64_list", [2]),
    (True, "int64_list", [1]),
    ("é", "bytes_list", ["é".encode()]),
    (b"\xff\0", "bytes_list", [b"\xff\0"]),
    ([1.5, 2.5], "float_list", [1.5, 2.5]),
    ((1, True), "int64_list", [1, 1]),
    (["a", b"b"], "bytes_list", [b"a", b"b"]),
    (np.float32(0.5), "float_list", [0.5]),
    (np.int8(3), "int64_list", [3]),
    (np.bool_(True), "int64_list", [1]),
    (np.str_("a"), "bytes_list", [b"a"]),
    (np.bytes_(b"a\0"), "bytes_list", [b"a\0"]),
    ([np.float32(0.5), np.float64(1)], "float_list", [0.5, 1.0]),
    (np.array([[1, 2], [3, 4]]), "int64_list", [1, 2, 3, 4]),
    (np.array(["a"]), "bytes_list", [b"a"]),
    (np.array(7.0), "float_list", [7.0]),
    ([2**63 - 1, -(2**63)], "int64_list", [2**63 - 1, -(2**63)]),
    ([float("inf")], "float_list", [float("inf")]),
]


@pytest.mark.parametrize(("value", "kind", "values"), FEATURES)
def test_values_decide_the_kind(value: Any, kind: str, values: list[Any]) -> None:
    """Floats, integers (bools among them) and text become the three kinds of feature, flat."""
    example = example_pb2.Example.FromString(serialized_example({"f": value}))
    feature = example.features.feature["f"]
    assert feature.WhichOneof("kind") == kind
    assert list(getattr(feature, kind).value) == values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, 2.5], "feature 'f' mixes float_list and int64_list"),
        (["a", 1], "mixes bytes_list and int64_list"),
        (None, "feature 'f' holds NoneType"),
        ([[1], [2]], "feature 'f' holds list"),
        ({"b64": "AA=="}, "feature 'f' holds dict"),
        (1j, "feature 'f' holds complex"),
        (2**63, "feature 'f' holds 9223372036854775808, but a feature's integers are int64"),
        (1e39, r"feature 'f' holds 1e\+39, but a feature's floats are float32"),
        ("\udc80", "feature 'f' holds text that UTF-8 cannot hold"),
        (np.array(["2020-01-01"], "datetime64[D]"), "feature 'f' holds date"),
    ],
)
def test_what_a_feature_cannot_hold_is_refused(value: Any, text: str) -> None:
    """Mixed kinds, nested lists and numbers out of range are refused over both APIs."""
    with pytest.raises(TensorError, match=text):
        serialized_example({"f": value})
    with pytest.raises(TensorError, match=text):
        json_features({"f": value})


@pytest.mark.parametrize("examples", ["text", [1], ["text"], {"f": 1.0}])
def test_examples_of_another_form_are_refused(examples: Any) -> None:
    """Each example is features by name; one example alone is no list of them."""
    with pytest.raises(UsageError, match="an example is given as features by name"):
        input_proto(examples)
    with pytest.raises(UsageError, match="several examples are a list of such"):
        json_examples(examples)


def test_a_feature_without_values_is_missing_to_the_model(tf: Any) -> None:
    """An empty list has no kind, so a parser of any dtype takes it for absent."""
    content = serialized_example({"f": []})
    for dtype in (tf.int64, tf.float32, tf.string):
        parsed = tf.io.parse_single_example(content, {"f": tf.io.VarLenFeature(dtype)})
        assert parsed["f"].values.numpy().tolist() == []
    assert json_features({"f": []}) == {"f": []}


@given(
    values=st.lists(st.floats(width=32, allow_nan=False), min_size=1)
    | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)
    | st.lists(st.binary(), min_size=1)
)
def test_tensorflow_parses_what_was_given(tf: Any, values: list[Any]) -> None:
    """TensorFlow's own parser reads the values back."""
    dtype = {float: tf.float32, int: tf.int64, bytes: tf.string}[type(values[0])]
    parsed = tf.io.parse_single_example(serialized_example({"f": values}), {"f": tf.io.VarLenFeature(dtype)})
    assert parsed["f"].values.numpy().tolist() == values


def test_examples_and_context_have_their_places() -> None:
    """Without a context the plain list is used; with one, even an empty one, the list with context."""
    plain = input_proto([{"a": 1}, {}])
    assert plain.WhichOneof("kind") == "example_list"
    assert len(plain.example_list.examples) == 2
    with_context = input_proto([{"a": 1}], {})
    assert with_context.WhichOneof("kind") == "example_list_with_context"
    assert input_proto([]).WhichOneof("kind") == "example_list"


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (2.0, 2.0),
        ([2.0], 2.0),
        ([1.0, 2.0], [1.0, 2.0]),
        (True, True),
        ("é", "é"),
        (b"\xff", {"b64": "/w=="}),
        (np.float32(0.5), 0.5),
    ],
)
def test_rest_forms_are_json_values(value: Any, form: Any) -> None:
    """The JSON token alone tells the kind: floats stay decimals, bytes that are no text are base64 (item 169)."""
    got = json_features({"f": value})["f"]
    assert got == form
    assert type(got) is type(form)
