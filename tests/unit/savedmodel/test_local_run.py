"""Running a SavedModel without a server: what the process answers, and that it never stays behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from harness.errors import LayoutError, SavedModelError
from harness.savedmodel import LocalCall, run_locally
from harness.savedmodel.local_calls import LocalJob, read_answer
from harness.savedmodel.local_run import _how_it_ended
from harness.savedmodel.local_worker import answer_calls
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
        made = [LocalCall(signature_name=name, inputs=inputs) for name, inputs in calls]
        LocalJob(version_dir=str(version_dir), tags=tuple(tags), calls=len(made)).save(tmp_path, made)
        answer_calls(tmp_path)
        return [read_answer(tmp_path, number) for number in range(len(made))]

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
    assert found[1].error == "KeyError: 'nowhere'"
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
    """TensorFlow's own reason ends the process."""
    version_dir = tmp_path / "1"
    version_dir.mkdir()
    message = make_message(variables=False)
    message.meta_graphs[0].graph_def.node.add(name="x", op="NoSuchOp")
    (version_dir / "saved_model.pb").write_bytes(message.SerializeToString())
    with pytest.raises(SystemExit, match=r"tf.saved_model.load cannot load .*NoSuchOp"):
        answers(version_dir)


def test_the_end_of_the_process_is_told(tmp_path: Path) -> None:
    """What the process wrote last is in the error."""
    with pytest.raises(SavedModelError, match=r"without a server ended with code 1\n  its last lines:\n") as caught:
        run_locally(tmp_path, [])
    assert f"    | {tmp_path} holds no saved_model.pb" in str(caught.value)


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
def test_no_process_outlives_its_owner(corpus_models: Path, number: signal.Signals, said: str) -> None:
    """Ctrl-C and SIGKILL of the owner end the process that has TensorFlow, whatever it is doing."""
    words = [sys.executable, "-c", _OWNER, str(corpus_models / "shapes" / "1")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as owner:
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
