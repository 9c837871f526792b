"""Running a SavedModel without a server: what the process answers, and that it never stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from fixtures.example_models import exported
from harness.errors import LayoutError, SavedModelError
from harness.savedmodel import LocalCall, run_locally
from harness.savedmodel.local_calls import LocalJob, read_answer
from harness.savedmodel.local_run import _how_it_ended
from harness.savedmodel.local_worker import answer_calls
from harness.savedmodel.proto import read_saved_model
from harness.tensors import as_array

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.savedmodel import LocalAnswer

_OWNER = """
import sys
from pathlib import Path
from harness.savedmodel import run_locally
print("running", flush=True)
try:
    run_locally(Path(sys.argv[1]), [])
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture
def answers(tmp_path: Path, tf: Any) -> Callable[..., list[LocalAnswer]]:  # noqa: ARG001 - imported once for all
    """A function that does the process's work here, where TensorFlow is imported already."""

    def answer(version_dir: Path, *calls: tuple[str, dict[str, Any]], tags: Any = ("serve",)) -> list[LocalAnswer]:
        made = [LocalCall(signature_name=name, inputs=inputs, runs=2) for name, inputs in calls]
        LocalJob(version_dir=str(version_dir), tags=tuple(tags), runs=(2,) * len(made)).save(tmp_path, made)
        answer_calls(tmp_path)
        return [read_answer(tmp_path, number, runs=2) for number in range(len(made))]

    return answer


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("float16", [1.5, -2]),
        ("bfloat16", [1.5, -2]),
        ("complex64", [1 + 2j, 3]),
        ("uint64", np.array([2**64 - 1, 0], np.uint64)),
        ("uint16", [65535, 0]),
        ("bool", [True, False]),
        ("string", [b"\xff\0", b""]),
    ],
)
def test_any_dtype_goes_there_and_back(
    answers: Callable[..., list[LocalAnswer]], corpus_models: Path, dtype: str, values: Any
) -> None:
    """Whatever a tensor can hold reaches the model and comes back, in each of two runs."""
    array = as_array(values, dtype)
    (answer,) = answers(corpus_models / "dtypes" / "1", (dtype, {"x": array}))
    assert answer.error == ""
    assert [(run["y"].dtype, run["y"].tolist()) for run in answer.runs] == [(array.dtype, array.tolist())] * 2


def test_shapes_of_every_kind(answers: Callable[..., list[LocalAnswer]], corpus_models: Path) -> None:
    """No inputs, scalars, no elements, and an unknown rank are all calls."""
    scalar, ones = np.array(2, np.float32), np.ones((1, 2, 3), np.float32)
    found = answers(
        corpus_models / "shapes" / "1",
        ("constant", {}),
        ("scalar", {"x": scalar}),
        ("empty", {"x": np.zeros(0, np.float32)}),
        ("unknown_rank", {"x": ones}),
    )
    assert [answer.error for answer in found] == [""] * 4
    assert [answer.runs[0]["y"].shape for answer in found] == [(2,), (), (0,), (1, 2, 3)]


def test_an_input_that_is_left_out_has_its_default(
    answers: Callable[..., list[LocalAnswer]], corpus_models: Path
) -> None:
    """Defaults of the signature count as for a server; an input without one is missing."""
    x, two = np.array([1, 2], np.float32), np.array(2, np.float32)
    given = {"x": x, "scale": two, "shift": two}
    found = answers(
        corpus_models / "defaults" / "1",
        ("all_defaults", given),
        ("all_defaults", {"x": x}),
        ("all_defaults", {}),
        ("no_defaults", {"x": x}),
    )
    assert [answer.error.partition(":")[0] for answer in found] == ["", "", "", "TypeError"]
    assert found[0].runs[0]["y"].tolist() != found[1].runs[0]["y"].tolist()
    assert found[1].runs[0]["y"].shape == (2,)


def test_an_error_of_a_call_is_its_answer(answers: Callable[..., list[LocalAnswer]], corpus_models: Path) -> None:
    """A model that refuses its input, or has no such signature, says so, and the other calls are answered."""
    x = np.ones(2, np.float32)
    found = answers(
        corpus_models / "failing" / "1",
        ("number", {"s": as_array(["no number"], "string")}),
        ("nowhere", {"x": x}),
        ("serving_default", {"x": x}),
    )
    assert found[0].error.startswith("InvalidArgumentError: ")
    assert "StringToNumberOp could not correctly convert string: no number" in found[0].error
    assert found[1].error == "SavedModelError: the SavedModel has no signature 'nowhere'"
    assert found[2].error == ""


def test_the_tags_choose_the_graph(answers: Callable[..., list[LocalAnswer]], corpus_models: Path) -> None:
    """The graph with exactly these tags is loaded, and one that is not there is named."""
    version_dir = corpus_models / "other_tags" / "1"
    (answer,) = answers(version_dir, ("other", {"x": np.ones(1, np.float32)}), tags=("serve", "gpu"))
    assert answer.error == ""
    with pytest.raises(LayoutError, match=r"has no graph tagged \{ serve \}; its tags are: \{ gpu serve \}"):
        answers(version_dir)


def test_a_model_that_cannot_be_loaded_says_why(
    answers: Callable[..., list[LocalAnswer]], tmp_path: Path, make_message: Callable[..., Any]
) -> None:
    """TensorFlow's own reason is told."""
    version_dir = tmp_path / "1"
    version_dir.mkdir()
    message = make_message(variables=False)
    message.meta_graphs[0].graph_def.node.add(name="x", op="NoSuchOp")
    (version_dir / "saved_model.pb").write_bytes(message.SerializeToString())
    with pytest.raises(SavedModelError, match=r"tf.saved_model.load cannot load it here: .*NoSuchOp"):
        answers(version_dir)


def test_a_model_that_only_a_server_would_load_is_run_as_a_server_does(
    answers: Callable[..., list[LocalAnswer]], tmp_path: Path
) -> None:
    """Where objects of an export cannot be put together, as with an optimizer of Keras 2, its signatures still run."""
    version_dir = tmp_path / "1"
    shutil.copytree(exported("multi") / "1", version_dir)
    message = read_saved_model(version_dir)
    root = message.meta_graphs[0].object_graph_def.nodes[0]
    root.slot_variables.add(original_variable_node_id=0, slot_name="m", slot_variable_node_id=0)
    (version_dir / "saved_model.pb").write_bytes(message.SerializeToString())
    values = np.array([[1, 2, 6]], np.float64)
    (answer,) = answers(version_dir, ("statistics", {"values": values}))
    assert (answer.error, answer.loader) == ("", "tf.compat.v1.saved_model.load")
    assert [run["mean"].tolist() for run in answer.runs] == [[3.0]] * 2
    (whole,) = answers(exported("multi") / "1", ("statistics", {"values": values}))
    assert whole.loader == "tf.saved_model.load"
    assert whole.runs[0]["range"].tolist() == answer.runs[0]["range"].tolist() == [[1.0, 6.0]]


def test_the_process_has_the_variables_it_is_given(corpus_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables can be set and taken away; all others are inherited."""
    monkeypatch.setenv("HARNESS_GONE", "1")
    monkeypatch.setenv("HARNESS_KEPT", "2")
    show = "import os, sys; print(*[os.environ.get('HARNESS_' + n) for n in ('GONE', 'KEPT', 'NEW')], file=sys.stderr)"
    monkeypatch.setattr("harness.savedmodel.local_run._START", f"{show}; sys.exit(1)")
    with pytest.raises(SavedModelError, match="None 2 3"):
        run_locally(corpus_models / "shapes" / "1", [], environment={"HARNESS_GONE": None, "HARNESS_NEW": "3"})


def test_what_keeps_the_process_from_working_is_told(tmp_path: Path) -> None:
    """The reason comes over from the process as it is, without the rest of what it wrote."""
    with pytest.raises(SavedModelError) as caught:
        run_locally(tmp_path, [])
    assert str(caught.value).startswith(f"{tmp_path} holds no saved_model.pb. ")


def test_a_crash_is_told_with_the_last_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that breaks without a word of its own leaves its exit code and what it wrote last."""
    monkeypatch.setattr(
        "harness.savedmodel.local_run._START", "import sys; print('boom', file=sys.stderr); sys.exit(7)"
    )
    with pytest.raises(SavedModelError, match=r"without a server ended with code 7\n  its last lines:\n    \| boom$"):
        run_locally(tmp_path, [])


def test_a_process_that_takes_too_long_is_ended(corpus_models: Path) -> None:
    """The time limit holds from the start on, and nothing stays behind."""
    before = psutil.Process().children()
    with pytest.raises(SavedModelError, match=r"was not done after 0.01 s\n"):
        run_locally(corpus_models / "shapes" / "1", [], timeout_s=0.01)
    assert psutil.Process().children() == before


@pytest.mark.parametrize(
    ("code", "text"),
    [(3, "ended with code 3"), (-9, "was killed by SIGKILL (out of memory?)"), (-11, "was killed by SIGSEGV")],
)
def test_the_ways_to_end(code: int, text: str) -> None:
    """An exit code, a crash and the kernel's killer are told apart."""
    assert _how_it_ended(code, 1.0) == text


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "interrupted\n"), (signal.SIGKILL, "")])
def test_no_process_outlives_its_owner(corpus_models: Path, tmp_path: Path, number: signal.Signals, said: str) -> None:
    """Ctrl-C and SIGKILL of the owner end the process that has TensorFlow, whatever it is doing, and leave no file."""
    words = [sys.executable, "-c", _OWNER, str(corpus_models / "shapes" / "1")]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "running\n"
        children: list[psutil.Process] = []
        while not children:
            assert owner.poll() is None
            children = psutil.Process(owner.pid).children()
        owner.send_signal(number)
        assert owner.stdout.read() == said
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
    assert list(tmp_path.iterdir()) == []
