"""SavedModels to look over, written as bare protobuf messages, and the few that TensorFlow itself writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.protos import saved_model_pb2

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLOAT, STRING, INVALID = 1, 7, 0


def saved_model(*, tags: tuple[str, ...] = ("serve",), variables: bool = True, in_function: bool = False) -> Any:
    """Return a SavedModel message with one predict signature, x -> y, and perhaps a variable."""
    message = saved_model_pb2.SavedModel()
    graph = message.meta_graphs.add()
    graph.meta_info_def.tags[:] = tags
    signature = graph.signature_def["serving_default"]
    signature.method_name = "tensorflow/serving/predict"
    for infos, name in ((signature.inputs, "x"), (signature.outputs, "y")):
        infos[name].name = f"{name}:0"
        infos[name].dtype = FLOAT
        infos[name].tensor_shape.dim.add(size=-1)
    graph.signature_def["__saved_model_init_op"].outputs["init"].dtype = INVALID
    if variables:
        nodes = graph.graph_def.library.function.add().node_def if in_function else graph.graph_def.node
        nodes.add(name="v", op="VarHandleOp")
        graph.saver_def.restore_op_name = "restore"
    return message


@pytest.fixture
def write_version() -> Callable[..., Path]:
    """Write a whole version directory: message, index and one data shard."""

    def write(directory: Path, message: Any = None) -> Path:
        directory.mkdir(parents=True)
        (directory / "saved_model.pb").write_bytes((message or saved_model()).SerializeToString())
        (directory / "variables").mkdir()
        (directory / "variables" / "variables.index").write_bytes(b"index")
        (directory / "variables" / "variables.data-00000-of-00001").write_bytes(b"data")
        return directory

    return write


@pytest.fixture
def make_message() -> Callable[..., Any]:
    """Return the maker of SavedModel messages."""
    return saved_model


@pytest.fixture
def base_path(tmp_path: Path, write_version: Callable[..., Path]) -> Path:
    """Return a base path with the whole versions 1 and 2."""
    for version in (1, 2):
        write_version(tmp_path / "digits" / str(version))
    return tmp_path / "digits"


@pytest.fixture(scope="session")
def tf() -> Any:
    """Return TensorFlow, imported once for all."""
    return pytest.importorskip("tensorflow")


@pytest.fixture
def scaler(tf: Any) -> Any:
    """Return a tf.Module with one variable and the functions ``scale`` (x -> y) and ``score`` (tf.Examples)."""
    module = tf.Module()
    module.factor = tf.Variable(3.0)

    def score(inputs: Any) -> dict[str, Any]:
        x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]
        return {"scores": x * module.factor}

    module.scale = tf.function(
        lambda x: {"y": x * module.factor}, input_signature=[tf.TensorSpec([None], tf.float32, name="x")]
    )
    module.score = tf.function(score, input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    return module
