"""SavedModels are loaded and run on TensorFlow's C API, with its own errors."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.protos import config_pb2, load, meta_graph_pb2
from harness.standin.loading import ServableLoader
from harness.standin.saved_model import LoadedModel, load_saved_model
from harness.standin.session import Session
from harness.standin.status import StatusError

_ROOT = Path(__file__).parents[3]
_MODELS = _ROOT / "tests" / "conformance" / "corpus" / "models"
_CONFIG = config_pb2.ConfigProto(device_count={"GPU": 0})


def loaded(name: str, version: int = 1) -> LoadedModel:
    """One of the corpus's models."""
    return load_saved_model(_MODELS / name / str(version), ["serve"], _CONFIG)


def failure(path: Path, tags: tuple[str, ...] = ("serve",)) -> tuple[str, str]:
    """Code and text of a load that fails."""
    with pytest.raises(StatusError) as caught:
        load_saved_model(path, tags, _CONFIG)
    return caught.value.code, caught.value.message


def test_a_model_is_restored_and_run() -> None:
    """Variables are there: half of x plus two."""
    outputs = loaded("half_plus_two").session.run({"x:0": np.array([1.0, 2.0], np.float32)}, ["y:0"])
    assert outputs[0].tolist() == [2.5, 3.0]


@pytest.mark.parametrize("timeout_ms", [None, 10_000])
def test_runs_with_and_without_a_deadline_agree(timeout_ms: int | None) -> None:
    """A deadline changes where a model runs, not what it answers."""
    session = loaded("half_plus_two").session
    assert session.run({"x:0": np.array([4.0], np.float32)}, ["y:0"], timeout_ms=timeout_ms)[0].tolist() == [4.0]


def test_an_endless_loop_is_ended_by_the_deadline() -> None:
    """A graph that loops is given up when its time is over (behaviour item 34)."""
    model = loaded("failing")
    signature = model.meta_graph.signature_def["slow"]
    feeds = {signature.inputs["n"].name: np.array([10**12], np.int64)}
    with pytest.raises(StatusError, match="DEADLINE_EXCEEDED: Timed out waiting for notification"):
        model.session.run(feeds, [signature.outputs["y"].name], timeout_ms=100)


def test_dtypes_are_not_cast() -> None:
    """A wrong dtype is TensorFlow's own error (behaviour item 51)."""
    with pytest.raises(StatusError, match=r"INVALID_ARGUMENT: Expects arg.0. to be float but double is provided"):
        loaded("half_plus_two").session.run({"x:0": np.array([1.0])}, ["y:0"])


def test_a_scalar_string_is_an_array() -> None:
    """A string of rank 0 comes out as an array of rank 0."""
    model = loaded("strings")
    signature = model.meta_graph.signature_def["echo"]
    (feed,) = [info.name for info in signature.inputs.values()]
    outputs = model.session.run({feed: np.array(b"abc", object)}, [info.name for info in signature.outputs.values()])
    assert b"abc" in [output.item() for output in outputs]


@pytest.mark.parametrize(
    ("feed", "fetch", "code", "text"),
    [
        ("nothing:0", "y:0", "NOT_FOUND", "FeedInputs: unable to find feed output nothing:0"),
        ("x:0", "nothing:0", "NOT_FOUND", "FetchOutputs node nothing:0: not found"),
        ("x:3", "y:0", "INVALID_ARGUMENT", "FeedInputs: x:3 should have output index < 1"),
        ("x:0", "y:3", "INVALID_ARGUMENT", "FetchOutputs y:3: output index too large, must be < 1"),
    ],
)
def test_tensors_that_are_not_in_the_graph(feed: str, fetch: str, code: str, text: str) -> None:
    """Unknown names have the texts of TensorFlow's graph rewriting."""
    with pytest.raises(StatusError) as caught:
        loaded("half_plus_two").session.run({feed: np.array([1.0], np.float32)}, [fetch])
    assert (caught.value.code, caught.value.message) == (code, text)


def test_an_op_without_outputs_cannot_be_fetched() -> None:
    """The initialisation op that TF2 exports list as a signature cannot be asked for."""
    with pytest.raises(StatusError, match="Tried to fetch data for 'NoOp', which produces no output"):
        loaded("strings").session.run({}, ["NoOp"])


def test_errors_that_quote_bytes_are_kept() -> None:
    """An op's error may hold bytes of the input that are not UTF-8."""
    model = loaded("failing")
    signature = model.meta_graph.signature_def["number"]
    feeds = {info.name: np.array([b"\xff"], object) for info in signature.inputs.values()}
    with pytest.raises(StatusError) as caught:
        model.session.run(feeds, [info.name for info in signature.outputs.values()])
    assert caught.value.code == "INVALID_ARGUMENT"
    assert "correctly convert string: \udcff" in caught.value.message


def test_an_unknown_op_is_told() -> None:
    """A graph with an op nobody has is refused with its name (behaviour item 94)."""
    graph = meta_graph_pb2.MetaGraphDef().graph_def
    graph.node.add(name="a", op="NoSuchOp")
    with pytest.raises(StatusError, match="NOT_FOUND: Op type not registered 'NoSuchOp' in binary"):
        Session(graph, _CONFIG)


def test_folders_that_hold_no_model(tmp_path: Path) -> None:
    """Missing, short, broken and differently tagged SavedModels have the C++ loader's texts (items 18 and 93)."""
    code, text = failure(tmp_path)
    assert code == "NOT_FOUND"
    assert text.endswith(f"(should have a file called `saved_model.pb`)\nSpecified file path: {tmp_path}")
    file = tmp_path / "saved_model.pb"
    file.write_bytes(b"garbage")
    assert failure(tmp_path) == ("OUT_OF_RANGE", "Read less bytes than requested")
    file.write_bytes(b"this is no SavedModel")
    assert failure(tmp_path) == ("DATA_LOSS", f"Can't parse {file} as binary proto")
    code, text = failure(_MODELS / "half_plus_two" / "1", ("serve", "other"))
    assert code == "NOT_FOUND"
    assert text.startswith("Could not find meta graph def matching supplied tags: { other serve }. To inspect")


def test_a_model_without_its_variables_loads(tmp_path: Path) -> None:
    """Absent variables are only missed when the model is run (behaviour item 91)."""
    shutil.copytree(_MODELS / "half_plus_two" / "2", tmp_path / "2")
    shutil.rmtree(tmp_path / "2" / "variables")
    session = load_saved_model(tmp_path / "2", ["serve"], _CONFIG).session
    with pytest.raises(StatusError, match="Could not find variable"):
        session.run({"x:0": np.array([1.0], np.float32)}, ["y:0"])


def test_the_runtime_leaves_tensorflow_importable() -> None:
    """Loading the C API alone does not import TensorFlow's Python package, nor hinder a later import of it."""
    code = (
        "import sys\n"
        "from harness.standin import tf_runtime\n"
        "tf_runtime.c_api()\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
        "import tensorflow as tf\n"
        "assert int(tf.constant(1) + 1) == 2\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=_ROOT, capture_output=True)


def test_a_closed_session_can_be_closed_again() -> None:
    """Closing is final and harmless."""
    session: Any = loaded("half_plus_two").session
    session.close()
    session.close()


def test_a_model_of_an_unforeseen_form_fails_its_own_load(tmp_path: Path) -> None:
    """Whatever a SavedModel holds, a load ends in a status."""
    saved_model = load("saved_model_pb2").SavedModel()
    meta_graph = saved_model.meta_graphs.add()
    meta_graph.meta_info_def.tags.append("serve")
    meta_graph.signature_def["__saved_model_init_op"].outputs["another"].name = "x:0"
    (tmp_path / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    loader = ServableLoader(tags=("serve",), session_config=_CONFIG)
    with pytest.raises(StatusError):
        loader("m", 1, str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """A SavedModel without the right to read it is PERMISSION_DENIED."""
    file = tmp_path / "saved_model.pb"
    file.write_bytes(b"x" * 100)
    file.chmod(0)
    loader = ServableLoader(tags=("serve",), session_config=_CONFIG)
    with pytest.raises(StatusError, match=r"PERMISSION_DENIED: .*saved_model.pb; Permission denied"):
        loader("m", 1, str(tmp_path))
