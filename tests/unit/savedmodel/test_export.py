"""Export of tf.Modules, Keras models and TF1 graphs, read back by TensorFlow's own loader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.errors import ExportError
from harness.savedmodel import GraphSignature, export, export_v1, preflight, read_warmup
from harness.savedmodel.proto import read_saved_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def keras(tf: Any) -> Any:
    """Return Keras on TensorFlow."""
    return tf.keras


def _served(tf: Any, version_dir: Path, signature: str = "serving_default", **inputs: Any) -> dict[str, Any]:
    """Run a signature as a server does, in a session: tf.saved_model.load also puts together what a server cannot."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        infos = v1.saved_model.load(session, ["serve"], str(version_dir)).signature_def[signature]
        fetches = {name: info.name for name, info in infos.outputs.items()}
        answer: dict[str, Any] = session.run(fetches, {infos.inputs[name].name: inputs[name] for name in inputs})
        return answer


def _method(version_dir: Path, signature: str) -> str:
    (graph,) = read_saved_model(version_dir).meta_graphs
    return str(graph.signature_def[signature].method_name)


def test_a_module_is_exported_and_answers(tmp_path: Path, tf: Any, scaler: Any) -> None:
    """A tf.Module's function becomes serving_default, with its input and output names."""
    base_path = export(scaler, to=tmp_path / "scaler", signatures=scaler.scale)
    assert base_path == tmp_path / "scaler"
    assert sorted(path.name for path in base_path.iterdir()) == ["1"]
    assert preflight(base_path).latest.signatures["serving_default"].input("x").shape == (None,)
    assert _served(tf, base_path / "1", x=[1.0, 2.0])["y"].tolist() == [3.0, 6.0]


def test_name_and_version_make_the_path(tmp_path: Path, scaler: Any) -> None:
    """With a name, ``to`` is the base path's parent; a version is published under its number."""
    base_path = export(scaler, to=tmp_path, name="scaler", version=7, signatures=scaler.scale)
    assert base_path == tmp_path / "scaler"
    assert preflight(base_path).latest.path == tmp_path / "scaler" / "7"


def test_a_relative_path_is_made_absolute(tmp_path: Path, scaler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server refuses relative base paths (behaviour item 23), so none is returned."""
    monkeypatch.chdir(tmp_path)
    assert export(scaler, to="build/scaler", signatures=scaler.scale) == tmp_path / "build" / "scaler"


def test_tags_methods_and_warmup_are_written(tmp_path: Path, scaler: Any) -> None:
    """A version carries the tags, method names and warm-up records that were asked for."""
    base_path = export(
        scaler,
        to=tmp_path / "scaler",
        signatures={"serving_default": scaler.scale, "score": scaler.score},
        methods={"score": "classify"},
        warmup=[{"x": [1, 2, 3]}],
        tags=("serve", "gpu"),
    )
    layout = preflight(base_path, tags=("serve", "gpu")).latest
    assert layout.has_warmup
    assert len(read_warmup(layout.path)) == 1
    assert _method(layout.path, "score") == "tensorflow/serving/classify"
    assert _method(layout.path, "serving_default") == "tensorflow/serving/predict"


def test_a_keras_model_keeps_its_names(tmp_path: Path, tf: Any, keras: Any) -> None:
    """Inputs are called as the Input layers and outputs as the output layers."""
    first, second = keras.Input((3,), name="first"), keras.Input((2,), name="second")
    joined = keras.layers.Concatenate()([first, second])
    model = keras.Model(
        [first, second],
        [keras.layers.Dense(4, name="scores")(joined), keras.layers.Dense(1, name="price")(joined)],
    )
    inputs: dict[str, Any] = {"first": np.ones((2, 3), np.float32), "second": np.full((2, 2), 2.0, np.float32)}
    scores, price = model([inputs["first"], inputs["second"]])
    answer = _served(tf, export(model, to=tmp_path / "m") / "1", **inputs)
    assert sorted(answer) == ["price", "scores"]
    np.testing.assert_allclose(answer["scores"], scores.numpy(), rtol=1e-5)
    np.testing.assert_allclose(answer["price"], price.numpy(), rtol=1e-5)


def test_dicts_of_a_keras_model_keep_their_keys(tmp_path: Path, tf: Any, keras: Any) -> None:
    """A model made of dicts is fed by input name, and its outputs have the dict's keys."""
    inputs = {name: keras.Input((1,), name=name) for name in ("b", "a")}
    model = keras.Model(inputs, {"sum": inputs["a"] + inputs["b"], "difference": inputs["a"] - inputs["b"]})
    answer = _served(tf, export(model, to=tmp_path / "m") / "1", a=[[5.0]], b=[[2.0]])
    assert {name: value.tolist() for name, value in answer.items()} == {"sum": [[7.0]], "difference": [[3.0]]}


def test_a_sequential_model_is_exported(tmp_path: Path, tf: Any, keras: Any) -> None:
    """A Sequential model's output has its last layer's name."""
    model = keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(1, use_bias=False, name="y")])
    model.set_weights([np.array([[1.0], [10.0]], np.float32)])
    answer = _served(tf, export(model, to=tmp_path / "m") / "1", x=[[1.0, 2.0]])
    assert {name: value.tolist() for name, value in answer.items()} == {"y": [[21.0]]}


def test_a_keras_model_takes_signatures_too(tmp_path: Path, tf: Any, keras: Any) -> None:
    """Signatures given for a Keras model replace the one made from its layers."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(2.0)])
    twice = tf.function(
        lambda numbers: {"twice": model(numbers)}, input_signature=[tf.TensorSpec([None, 1], name="numbers")]
    )
    answer = _served(tf, export(model, to=tmp_path / "m", signatures=twice) / "1", numbers=[[4.0]])
    assert answer["twice"].tolist() == [[8.0]]


def test_state_and_tables_of_layers_are_saved(tmp_path: Path, tf: Any, keras: Any) -> None:
    """Vocabularies and moving averages, which are no trained weights, are there in the served model."""
    words = keras.Input((1,), dtype="string", name="words")
    numbers = keras.Input((1,), name="numbers")
    normalised = keras.layers.BatchNormalization(epsilon=0.0, name="normalised")
    index = keras.layers.StringLookup(vocabulary=["cat", "dog"], name="index")
    model = keras.Model([words, numbers], [index(words), normalised(numbers)])
    normalised.set_weights([np.array([value], np.float32) for value in (2.0, 1.0, 10.0, 4.0)])
    base_path = export(model, to=tmp_path / "m")
    answer = _served(tf, base_path / "1", words=[[b"dog"], [b"emu"]], numbers=[[10.0], [14.0]])
    assert {name: value.tolist() for name, value in answer.items()} == {
        "index": [[2], [0]],
        "normalised": [[1.0], [5.0]],
    }
    assert preflight(base_path).notes == ()


def test_a_module_around_a_keras_model_is_refused(tmp_path: Path, tf: Any, keras: Any) -> None:
    """tf.saved_model.save spoils the variables of a Keras model inside a module, which only a server would notice."""
    module = tf.Module()
    module.model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="y")])
    module.serve = tf.function(lambda x: {"y": module.model(x)}, input_signature=[tf.TensorSpec([None, 1], name="x")])
    with pytest.raises(
        ExportError, match=r"'serving_default' reads variables that nothing restores \(.*y/bias, .*y/kernel"
    ):
        export(module, to=tmp_path / "m", signatures=module.serve)
    assert list(tmp_path.iterdir()) == []
    tf.saved_model.save(module, str(tmp_path / "m" / "1"), signatures=module.serve)
    assert "version 1: signature 'serving_default' reads variables" in preflight(tmp_path / "m").notes[0]
    with pytest.raises(tf.errors.FailedPreconditionError, match="Could not find variable"):
        _served(tf, tmp_path / "m" / "1", x=[[1.0]])


def test_a_keras_model_without_inputs_is_refused(tmp_path: Path, keras: Any) -> None:
    """A model that was never built says how to give it inputs, and nothing is left behind."""
    with pytest.raises(ExportError, match=r"keras\.Input"):
        export(keras.Sequential([keras.layers.Dense(1)]), to=tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_signature_is_refused(tmp_path: Path, tf: Any) -> None:
    """A SavedModel that nobody could call is an error, and nothing is left behind."""
    with pytest.raises(ExportError, match="no signature, so no client could call it"):
        export(tf.Module(), to=tmp_path / "deep" / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("tf")
def test_what_tensorflow_cannot_save_is_an_export_error(tmp_path: Path) -> None:
    """TensorFlow's own error is kept as the cause."""
    with pytest.raises(ExportError, match="could not save the str") as caught:
        export("no model", to=tmp_path / "m")
    assert caught.value.__cause__ is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"methods": {"serving_default": "guess"}}, "'guess' of signature 'serving_default' is none of"),
        ({"methods": {"other": "classify"}}, "names signature 'other', but the model has"),
        ({"methods": {"serving_default": "classify"}}, "is for classify, which needs the input 'inputs'"),
        ({"tags": ()}, "at least one tag"),
        ({"warmup": [object()]}, "a warm-up request is one of"),
        ({"name": "a/b"}, "no name for a servable"),
        ({"name": ""}, "no name for a servable"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, scaler: Any, options: dict[str, Any], words: str) -> None:
    """What a server would refuse, or could never use, is refused at export; nothing is left behind."""
    with pytest.raises(ExportError, match=words):
        export(scaler, to=tmp_path / "m", signatures=scaler.scale, **options)
    assert list(tmp_path.iterdir()) == []


def test_odd_base_paths_are_refused(tmp_path: Path, scaler: Any) -> None:
    """Neither a file nor a SavedModel can become a base path."""
    (tmp_path / "file").touch()
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "saved_model.pb").touch()
    for name, words in (("file", "is a file"), ("bare", "is itself a SavedModel")):
        with pytest.raises(ExportError, match=words):
            export(scaler, to=tmp_path / name, signatures=scaler.scale)


def test_a_tf1_graph_is_exported_with_all_three_methods(tmp_path: Path, tf: Any) -> None:
    """Predict, classify and regress signatures of one graph keep their method names, tags, weights and tables."""
    variables: list[Any] = []

    def restore(session: Any) -> None:
        session.run(variables[0].assign(4.0))

    def build() -> dict[str, GraphSignature]:
        v1 = tf.compat.v1
        weight = v1.get_variable("weight", initializer=tf.constant(1.0), use_resource=True)
        x = v1.placeholder(tf.float32, [None], name="x")
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([0], ["cat"]), default_value="none")
        serialized = v1.placeholder(tf.string, [None], name="examples")
        feature = tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]
        scores = feature * weight.read_value()
        classes = table.lookup(tf.zeros_like(scores, tf.int32))
        variables.append(weight)
        return {
            "serving_default": GraphSignature(inputs={"x": x}, outputs={"y": x * weight.read_value()}),
            "cls": GraphSignature(
                method="classify", inputs={"inputs": serialized}, outputs={"classes": classes, "scores": scores}
            ),
            "reg": GraphSignature(method="regress", inputs={"inputs": serialized}, outputs={"outputs": scores}),
        }

    base_path = export_v1(
        build,
        to=tmp_path,
        name="line",
        restore=restore,
        warmup=[{"x": [1.0]}],
        tags=("serve", "v1"),
    )
    layout = preflight(base_path, tags=("v1", "serve")).latest
    methods = {name: signature.method_name.rpartition("/")[2] for name, signature in layout.signatures.items()}
    assert methods == {"serving_default": "predict", "cls": "classify", "reg": "regress"}
    assert layout.has_warmup
    example = tf.train.Example(
        features=tf.train.Features(feature={"x": tf.train.Feature(float_list=tf.train.FloatList(value=[2.0]))})
    ).SerializeToString()
    loaded = tf.saved_model.load(str(layout.path), tags=["serve", "v1"]).signatures
    assert loaded["serving_default"](x=tf.constant([1.0]))["y"].numpy().tolist() == [4.0]
    answer = loaded["cls"](inputs=tf.constant([example]))
    assert answer["classes"].numpy().tolist() == [[b"cat"]]
    assert answer["scores"].numpy().tolist() == [[8.0]]


def test_a_tf1_graph_that_fits_no_api_is_refused(tmp_path: Path, tf: Any) -> None:
    """Outputs that Regress cannot use are refused (behaviour item 66), and so is a graph without signatures."""

    def misnamed() -> dict[str, GraphSignature]:
        text = tf.compat.v1.placeholder(tf.string, [None])
        return {
            "reg": GraphSignature(method="regress", inputs={"inputs": text}, outputs={"price": tf.strings.length(text)})
        }

    with pytest.raises(ExportError, match=r"'reg' is for regress.*outputs \['price'\]"):
        export_v1(misnamed, to=tmp_path / "m")
    with pytest.raises(ExportError, match="returned no signatures"):
        export_v1(dict, to=tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("tf")
def test_an_error_of_the_builder_is_passed_on(tmp_path: Path) -> None:
    """A user's own mistake keeps its type and trace, and nothing is left behind."""

    def build() -> dict[str, GraphSignature]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        export_v1(build, to=tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
