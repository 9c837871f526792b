"""What a graph tells of string inputs: features of tf.Examples, and what other strings should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.example_models import exported
from fixtures.odd_models import odd_model
from harness.savedmodel.example_features import text_input
from harness.savedmodel.proto import read_saved_model
from harness.text_input import Feature, TextInput

if TYPE_CHECKING:
    from pathlib import Path


def _text(version_dir: Path, signature: str, name: str) -> TextInput:
    (graph,) = read_saved_model(version_dir).meta_graphs
    definition = graph.signature_def[signature]
    outputs = [info.name for info in definition.outputs.values()]
    return text_input(graph, definition.inputs[name].name, outputs=outputs)


def test_features_in_the_graph_itself(corpus_models: Path) -> None:
    """A TF1 graph parses beside its signatures: dense features with their shape, sparse ones with none."""
    text = _text(corpus_models / "examples" / "1", "serving_default", "inputs")
    assert text.content == "example"
    assert text.features == (
        Feature(name="f", dtype="float32", shape=(1,)),
        Feature(name="i", dtype="int64", shape=(1,)),
        Feature(name="list", dtype="float32", shape=None),
        Feature(name="s", dtype="string", shape=(1,)),
    )


@pytest.mark.parametrize("signature", ["classify_x_to_y", "regress_x_to_y"])
def test_features_of_classify_and_regress(signature: str) -> None:
    """The example model's one feature is found for both."""
    text = _text(exported("half_plus_two") / "1", signature, "inputs")
    assert text.features == (Feature(name="x", dtype="float32", shape=(1,)),)


def test_features_within_functions() -> None:
    """A TF2 graph parses in a function of a function: scalars, matrices, ragged ones, and a picture to be decoded."""
    text = _text(odd_model("examples") / "1", "serving_default", "examples")
    assert text.features == (
        Feature(name="box", dtype="float32", shape=(2, 2)),
        Feature(name="image/encoded", dtype="string", shape=(), content="png"),
        Feature(name="label", dtype="int64", shape=()),
        Feature(name="tags", dtype="string", shape=None),
        Feature(name="weights", dtype="float32", shape=None),
    )


def test_features_of_examples_parsed_one_by_one() -> None:
    """ParseSingleExample holds its names as attributes; a sequence's length is open."""
    text = _text(odd_model("single_examples") / "1", "serving_default", "examples")
    assert text.features == (
        Feature(name="ids", dtype="int64", shape=(None,)),
        Feature(name="x", dtype="float32", shape=(3,)),
    )


@pytest.mark.parametrize(
    ("model", "name", "expected"),
    [
        ("jpeg", "image_bytes", TextInput(content="jpeg")),
        ("base64_picture", "encoded", TextInput(content="png", is_base64=True)),
        ("sound_file", "sound", TextInput(content="wav")),
        ("raw_bytes", "data", TextInput(content="raw")),
        ("vocabulary", "word", TextInput()),
    ],
)
def test_what_other_strings_should_be(model: str, name: str, expected: TextInput) -> None:
    """Decoders at the end of loops and functions tell; where none is, words will do."""
    assert _text(odd_model(model) / "1", "serving_default", name) == expected


def test_signatures_that_share_a_placeholder_differ(corpus_models: Path) -> None:
    """Each signature's own operations count: the same tensor is a number to one and base64 to another."""
    folder = corpus_models / "failing" / "1"
    assert _text(folder, "number", "s") == TextInput(content="number")
    assert _text(folder, "decode", "s") == TextInput(is_base64=True)


@pytest.fixture
def parse_v1(tf: Any) -> Any:
    """A MetaGraphDef whose ParseExample has the first version's form: a name in each input."""
    with tf.Graph().as_default() as graph:
        text = tf.compat.v1.placeholder(tf.string, [None], name="text")
        computed = tf.compat.v1.placeholder(tf.string, [], name="computed")
        for node, dense in (("known", tf.constant("d")), ("unknown", computed)):
            tf.raw_ops.ParseExample(
                name=node,
                serialized=text,
                names=[],
                sparse_keys=[tf.constant("s")],
                dense_keys=[dense],
                dense_defaults=[tf.constant([], tf.float32)],
                sparse_types=[tf.int64],
                dense_shapes=[[4]],
            )
        return tf.compat.v1.train.export_meta_graph(graph=graph)


def test_the_first_form_of_parse_example(parse_v1: Any) -> None:
    """Names that are constants are found; a parse whose names are computed tells no feature, but is one."""
    known = text_input(parse_v1, "text:0", outputs=["known:0"])
    assert known.features == (
        Feature(name="d", dtype="float32", shape=(4,)),
        Feature(name="s", dtype="int64", shape=None),
    )
    assert text_input(parse_v1, "text:0", outputs=["unknown:0"]) == TextInput(content="example")
