"""Served = local: what a server answers otherwise than the SavedModel does without it is found."""

from __future__ import annotations

import re
import shlex
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.alterations import altering, drop_output, nudge, replace_with_nan, swap_rows, widen
from fixtures.altering_proxy import altered
from fixtures.example_models import exported
from harness import GrpcClient, RestClient, serve
from harness.checks.local import check
from harness.checks.opening import open_subject
from harness.checks.reproduce import local_line
from harness.checks.request import Request
from harness.checks.subject import CheckOptions, Subject
from harness.errors import SavedModelError
from harness.savedmodel import LocalAnswer, export
from harness.savedmodel.local_calls import LOADERS, LocalJob, read_answer
from harness.savedmodel.local_worker import answer_calls
from models.multi.examples import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.findings import Finding

ROWS = ({"x": 1.0}, {"x": 2.0}, {"x": 5.0})
HALF_PLUS_TWO = (
    Request(inputs={"x": np.array([1, 2, 5], np.float32)}, source="a test"),
    Request(signature_name="classify_x_to_y", method="classify", examples=ROWS, source="a test"),
    Request(signature_name="regress_x_to_y", method="regress", examples=ROWS, context={"x": 9.0}, source="a test"),
    Request(signature_name="regress_x_to_y", method="regress", examples=({},), context={"x": 9.0}, source="a test"),
)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tf: Any) -> None:  # noqa: ARG001 - imported
    """Do the other process's work in this one, which has TensorFlow already: the catalogue's test has the real one."""

    def run(version_dir: Path, calls: Any, *, tags: Any, environment: Any) -> list[LocalAnswer]:
        assert environment == {"TF_ENABLE_ONEDNN_OPTS": "1"}  # as the stand-in has it
        runs = tuple(call.runs for call in calls)
        LocalJob(version_dir=str(version_dir), tags=tuple(tags), runs=runs).save(tmp_path, calls)
        answer_calls(tmp_path)
        return [read_answer(tmp_path, number, runs=times) for number, times in enumerate(runs)]

    monkeypatch.setattr("harness.checks.local.run_locally", run)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that sets what comes without a server, or the error that comes instead."""

    def tell(*answers: LocalAnswer | SavedModelError) -> None:
        def run(_version_dir: Path, calls: Any, **_options: Any) -> list[Any]:
            if isinstance(answers[0], SavedModelError):
                raise answers[0]
            told = iter(answers)  # for the questions; nudged ones, asked once each, bring nothing
            return [next(told) if call.runs == 2 else LocalAnswer(error="not told") for call in calls]

        monkeypatch.setattr("harness.checks.local.run_locally", run)

    return tell


def _seen(findings: list[Finding]) -> dict[str, str]:
    return {finding.subject: finding.seen for finding in findings}


@pytest.mark.usefixtures("in_this_process")
def test_every_method_is_compared(opened: Callable[..., Subject]) -> None:
    """Predict, classify and regress, with a context or without, answer as the SavedModel does."""
    found = check(opened("half_plus_two", CheckOptions(requests=HALF_PLUS_TWO)))
    assert _seen(found) == {
        "serving_default, a test": "the same outputs",
        "classify_x_to_y, a test": "the same outputs",
        "regress_x_to_y, a test #1": "the same outputs",
        "regress_x_to_y, a test #2": "the same outputs",
    }
    assert all(finding.passed and finding.duration_ns > 0 for finding in found)


@pytest.mark.usefixtures("in_this_process")
def test_files_that_are_not_what_is_served_are_found(opened: Callable[..., Subject]) -> None:
    """Another constant in the files than in the server's memory fails every method, with lines that show both."""
    subject = opened("half_plus_two", CheckOptions(requests=HALF_PLUS_TWO[:3]))
    found = check(replace(subject, version_dir=exported("half_plus_two") / "1"))
    assert [finding.fails for finding in found] == [True] * 3
    classify, regress, predict = (finding.seen for finding in found)
    assert predict.startswith("y: [0] is 4.5, expected 2.5 (relative error 0.8, ")
    assert classify.startswith("scores: [0, 0] is 4.5, expected 2.5 (")
    assert regress.startswith("outputs: [0] is 4.5, expected 2.5 (")
    assert all("GrpcClient" in finding.reproduce[0] for finding in found)


@pytest.mark.usefixtures("in_this_process")
def test_the_line_that_runs_it_here_can_be_pasted(
    opened: Callable[..., Subject], capsys: pytest.CaptureFixture[str]
) -> None:
    """The second line of a failed finding prints what the SavedModel answers without a server, bytes included."""
    subject = opened("half_plus_two", CheckOptions(requests=HALF_PLUS_TWO[:2]))
    version_dir = exported("half_plus_two") / "1"
    predict, classify = check(replace(subject, version_dir=version_dir, requests=HALF_PLUS_TWO[:2]))
    for finding, value in ((predict, "[2.5, 3. , 4.5]"), (classify, "[2.5],")):
        python, flag, code = shlex.split(finding.reproduce[1])
        assert (python, flag) == ("python", "-c")
        exec(code.replace("BASE_PATH", str(exported("half_plus_two"))), {})  # noqa: S102 - what a reader would do
        assert value in capsys.readouterr().out


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(("rows", "shown"), [(1, "[3.]"), (99, "# INPUTS: 'values': float64 [99, 3]")])
@pytest.mark.usefixtures("tf")
def test_either_loader_has_a_line(capsys: pytest.CaptureFixture[str], loader: str, rows: int, shown: str) -> None:
    """The line uses what could load the model; values that would fill the screen are named instead of shown."""
    values = np.array([[1, 2, 6]] * rows, np.float64)
    line = local_line(loader, str(exported("multi") / "1"), ("serve",), {"values": values}, "statistics")
    assert f"{loader.removeprefix('tf.compat.')}(" in line
    if rows == 1:
        exec(shlex.split(line)[2], {})  # noqa: S102 - what a reader would do
        line = capsys.readouterr().out
    assert shown in line


@pytest.mark.usefixtures("in_this_process")
def test_a_version_that_changes_under_the_server_is_found(tmp_path: Path) -> None:
    """A server does not notice files that change in place; this check does."""
    base_path = tmp_path / "served" / "half_plus_two"
    shutil.copytree(exported("half_plus_two") / "3", base_path / "7")
    other = shutil.copytree(exported("half_plus_two") / "2", tmp_path / "other")
    with serve(base_path, backend="standin") as server, RestClient(server.endpoint) as rest:
        (base_path / "7").rename(tmp_path / "before")  # at once: a server that finds no version would unload it
        other.rename(base_path / "7")
        subject = open_subject(
            server, "half_plus_two", grpc=None, rest=rest, options=CheckOptions(requests=HALF_PLUS_TWO[:1])
        )
        (finding,) = check(replace(subject, requests=HALF_PLUS_TWO[:1]))
    assert finding.fails
    assert finding.seen.startswith("y: [0] is 4.5, expected 3.5 (")
    assert finding.reproduce[0].startswith("curl -s http://")


MUTATIONS = {
    "one element is off by 0.001": (nudge("weighted", 1e-3), r"^weighted: \[2, 3\] is .* ulps, allowed .*; 1 of 12"),
    "rows are swapped": (
        swap_rows("next_id"),
        r"^next_id: \[0\] is 9007199254740996, expected 9007199254740994 \(2 of",
    ),
    "another dtype": (widen("kept"), "^kept: dtype int64, expected int32$"),
    "an output is missing": (drop_output("any_kept"), "^any_kept: is missing$"),
    "NaN": (replace_with_nan("weighted"), r"^weighted: \[0, 0\] is nan, expected "),
    "a pixel": (nudge("inverted", 1), r"^inverted: \[2, 1, 2, 2\] is \d+, expected \d+ \(1 of 54 differ\)$"),
}


@pytest.mark.parametrize(("change", "text"), MUTATIONS.values(), ids=MUTATIONS)
def test_an_altered_answer_is_found(
    opened: Callable[..., Subject], told: Callable[..., None], change: Any, text: str
) -> None:
    """Each mutation of a served answer is an error that names the place and the numbers."""
    (example,) = [one for one in examples() if one.name == "three rows"]
    request = Request(inputs=example.inputs, source="a test")
    told(LocalAnswer(runs=(example.outputs, example.outputs)))
    options = CheckOptions(requests=(request,))
    findings = {one.subject: one for one in check(_only(opened("multi", options), request))}
    assert _seen(list(findings.values())) == {"serving_default, a test": "the same outputs"}
    (finding,) = check(_only(opened("multi", options, grpc_change=altering(change)), request))
    assert finding.fails
    assert re.search(text, finding.seen), finding.seen
    assert len(finding.reproduce) == 2
    assert bool(finding.pictures) == finding.seen.startswith("inverted")


def _only(subject: Subject, *requests: Request) -> Subject:
    return replace(subject, requests=requests)


@pytest.fixture(scope="module")
def sampling(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base path of a model with one output that is drawn at random and one that is not."""

    class Sampling(tf.Module):  # type: ignore[misc] # TensorFlow has no types
        @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def draw(self, x: Any) -> dict[str, Any]:
            return {"noise": tf.random.normal(tf.shape(x)), "twice": 2.0 * x}

    module = Sampling()
    return export(module, to=tmp_path_factory.mktemp("models") / "sampling", signatures=module.draw)


@pytest.mark.usefixtures("in_this_process")
def test_what_is_drawn_at_random_is_a_warning(sampling: Path) -> None:
    """A model that answers itself differently is told as such and fails nothing; its other outputs are compared."""
    with serve(sampling, backend="standin") as server, ExitStack() as stack:
        grpc = stack.enter_context(GrpcClient(server.endpoint))
        subject = open_subject(server, "sampling", grpc=grpc, rest=None)
        (finding,) = check(subject)
        assert (finding.passed, finding.severity) == (False, "warning")
        assert finding.seen.startswith("noise is not deterministic, without a server neither (e.g. [")
        assert finding.seen.endswith("; the same: twice")
        liar = stack.enter_context(_altered(grpc, altering(nudge("twice", 0.5))))
        (wrong,) = check(replace(subject, grpc=liar))
    assert wrong.fails
    assert wrong.seen.startswith("twice: [1, 2] is ")


@contextmanager
def _altered(client: GrpcClient, change: Any) -> Iterator[GrpcClient]:
    """Yield a client of the same server behind a proxy."""
    endpoint = replace(client.endpoint, rest="http://127.0.0.1:1")
    with altered(endpoint, grpc_change=change) as liar, GrpcClient(liar) as found:
        yield found


def test_a_model_that_cannot_be_loaded_here_is_a_warning(
    opened: Callable[..., Subject], told: Callable[..., None]
) -> None:
    """Missing ops on this machine say nothing against the server: the reason is shown, and nothing fails."""
    told(SavedModelError("no such op\n  its last lines:\n    | x"))
    (finding,) = check(opened("half_plus_two", CheckOptions(requests=HALF_PLUS_TWO[:1])))
    assert (finding.passed, finding.severity, finding.fails) == (False, "warning", False)
    assert finding.seen == "not looked at: no such op\n  its last lines:\n    | x"


def test_who_refuses_what(opened: Callable[..., Subject], told: Callable[..., None]) -> None:
    """A server that refuses what runs without it fails; the reverse is a warning; if both refuse, they agree."""
    unfit = Request(inputs={"nope": np.ones(1, np.float32)}, source="unfit")
    good = LocalAnswer(runs=({"y": np.ones(1, np.float32)},) * 2)
    subject = _only(opened("half_plus_two"), unfit, unfit, HALF_PLUS_TWO[0])
    told(good, LocalAnswer(error="ValueError: nope"), LocalAnswer(error="ValueError: nope"))
    refused, agreed, unable = check(subject)
    assert refused.fails
    assert refused.seen.startswith("no answer, though there is one without a server: ")
    assert "nope" in refused.seen
    assert agreed.passed
    assert agreed.seen == "both refuse it; without a server: ValueError: nope"
    assert (unable.fails, unable.severity) == (False, "warning")
    assert unable.seen == "not looked at: the server answers, but TensorFlow here does not: ValueError: nope"


def test_another_tensorflow_comes_first(opened: Callable[..., Subject], told: Callable[..., None]) -> None:
    """Where the server runs on another TensorFlow than this machine, a mismatch begins with that."""
    subject = _only(opened("half_plus_two"), HALF_PLUS_TWO[0])
    told(LocalAnswer(runs=({"y": np.zeros(3, np.float32)},) * 2))
    (finding,) = check(replace(subject, provenance={"tensorflow": "1.0"}))
    assert re.match(r"the server runs on TensorFlow 1.0, this was computed with [\d.]+: y: \[2\] is 6.5", finding.seen)


def test_what_cannot_be_looked_at_is_told(opened: Callable[..., Subject]) -> None:
    """Without files, or without a request, nothing is compared and that is said."""
    subject = opened("half_plus_two")
    for changed, why in (
        (replace(subject, version_dir=None), "the model's files are not at hand"),
        (replace(subject, requests=()), "no request is known that could be asked"),
    ):
        (finding,) = check(changed)
        assert (finding.passed, finding.severity, finding.seen) == (True, "info", f"not looked at: {why}")


def test_rest_alone_leaves_out_what_it_cannot_carry(opened: Callable[..., Subject], make: Any) -> None:
    """Over REST alone a signature with a dtype that JSON cannot carry is left out by name."""
    subject = opened("half_plus_two")
    signature = make.signature(inputs=[make.spec("x", dtype="uint16")])
    request = Request(inputs={"x": np.ones(1, np.uint16)}, source="a test")
    found = check(replace(subject, grpc=None, signatures={"serving_default": signature}, requests=(request,)))
    assert _seen(found) == {"serving_default, a test": "not looked at: REST takes no uint16 (input 'x')"}


@pytest.mark.parametrize(
    ("provenance", "fails"),
    [
        ({"backend": "standin", "tensorflow": metadata.version("tensorflow")}, True),
        ({"backend": "standin", "tensorflow": "1.0"}, False),
        ({"backend": "binary", "tensorflow": metadata.version("tensorflow")}, False),
        ({"backend": "container"}, False),
    ],
)
def test_another_build_may_be_ten_times_as_far_off(
    opened: Callable[..., Subject], told: Callable[..., None], provenance: dict[str, str], *, fails: bool
) -> None:
    """A server whose TensorFlow was built by others, for other processors perhaps, rounds in its own way."""
    subject = _only(opened("half_plus_two"), HALF_PLUS_TWO[0])
    near = {"y": np.array([4.5, 5.0, 6.5], np.float32) * np.float32(1.00005)}
    told(LocalAnswer(runs=(near, near)))
    (finding,) = check(replace(subject, provenance=provenance))
    assert finding.fails == fails
