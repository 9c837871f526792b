"""Runs that end early, in several processes, or before a server is ready."""

from __future__ import annotations

import re
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from harness.protos import saved_model_pb2
from harness.results import read_results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Runner = Callable[..., subprocess.CompletedProcess[str]]

WAITING = """
import pathlib
import time

def test_done(server):
    pathlib.Path("pid").write_text(str(server.engine.pid))

def test_waits(server):
    pathlib.Path("waiting").touch()
    time.sleep(60)
"""


def test_ctrl_c_writes_the_report_and_stops_the_server(
    tmp_path: Path,
    half_plus_two: Path,
    command_of_run: Callable[..., list[str]],
    environment: dict[str, str],
    until: Callable[[Callable[[], Any]], None],
) -> None:
    """After Ctrl-C pytest ends with 2, the record is there and marked as interrupted, and no server is left."""
    (tmp_path / "test_waiting.py").write_text(WAITING)
    words = command_of_run(f"--model=m={half_plus_two}", "--serving-results=results.json", "--serving-report=r.html")
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        until(lambda: (tmp_path / "waiting").exists() or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    results = read_results(tmp_path / "results.json")
    assert results.run.interrupted
    assert results.tests is not None
    assert results.tests.passed == 1
    assert (tmp_path / "r.html").exists()
    assert f"written: {tmp_path / 'results.json'}" in output
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_failing_collection_is_a_failure_of_the_record(tmp_path: Path, run_in_process: Runner) -> None:
    """A file that cannot be imported is no passed run: it stands in the record, which is marked as interrupted."""
    (tmp_path / "test_broken.py").write_text("import no_such_module")
    done = run_in_process(tmp_path, "--serving-results=results.json")
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    results = read_results(tmp_path / "results.json")
    assert results.run.interrupted
    assert results.tests is not None
    assert [failure.node_id for failure in results.tests.failures] == ["test_broken.py"]


SPREAD = """
import os
import pathlib
import pytest
from harness import Finding

@pytest.mark.parametrize("number", range(6))
def test_part(server, grpc_client, record_finding, number):
    with open(f"{os.environ['PYTEST_XDIST_WORKER']}.txt", "a") as file:
        print(server.engine.pid, file=file)
    answer = grpc_client.predict({"x": [float(number)]})["y"]
    record_finding(Finding(check="own", model="m", subject=str(number), passed=answer.tolist() == [number / 2 + 4]))
"""

CHOOSES = """
import os
import harness.servers

choose = harness.servers.choose_backend

def noting(spec):
    with open("choices.txt", "a") as file:
        print(os.environ.get("PYTEST_XDIST_WORKER", "controller"), file=file)
    return choose(spec)

harness.servers.choose_backend = noting
"""


@pytest.mark.parametrize(("words", "servers"), [(["-v"], 1), (["-q", "--serving-per-worker"], 2)])
def test_xdist_workers_share_the_choice_and_the_record(
    tmp_path: Path, half_plus_two: Path, run_in_process: Runner, words: list[str], servers: int
) -> None:
    """The controller chooses the backend once, workers share a server unless told not to, their records become one."""
    (tmp_path / "test_spread.py").write_text(SPREAD)
    (tmp_path / "conftest.py").write_text(CHOOSES)
    done = run_in_process(
        tmp_path, "-n2", "--dist=load", "--maxschedchunk=1", *words, f"--model=m={half_plus_two}",
        "--serving-results=results.json", "--junitxml=junit.xml",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "choices.txt").read_text().split() == ["controller"]
    pids = [set(path.read_text().split()) for path in tmp_path.glob("gw*.txt")]
    assert [len(of_worker) for of_worker in pids] == [1, 1]
    assert len(set.union(*pids)) == servers
    results = read_results(tmp_path / "results.json")
    assert results.backend is not None
    assert (results.backend.name, results.backend.reason) == ("standin", "asked for")
    assert [model.name for model in results.models] == ["m"]
    assert sorted(finding.subject for finding in results.findings) == list("012345")
    assert results.tests is not None
    assert (results.tests.passed, results.tests.failed) == (6, 0)
    assert (tmp_path / "junit.xml").read_text().count('name="serving_backend" value="standin"') == 7


def test_xdist_workers_without_a_backend_fail_their_tests(
    tmp_path: Path, half_plus_two: Path, run_in_process: Runner
) -> None:
    """On workers each test that needs a server says why there is none, and no stand-in takes over; the others run."""
    (tmp_path / "test_two.py").write_text("def test_served(server): pass\ndef test_plain(): pass")
    done = run_in_process(tmp_path, "-n1", f"--model=m={half_plus_two}", backend="binary", PATH="/nonexistent")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 passed, 1 error" in done.stdout
    assert "BackendUnavailableError: backend 'binary' was asked for, but it cannot run here: no tens" in done.stdout


def _hopeless(folder: Path) -> Path:
    """A SavedModel that can be read, but has an op that no server knows."""
    message = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    graph = message.meta_graphs.add()
    graph.meta_info_def.tags.append("serve")
    graph.graph_def.node.add(name="x", op="NoSuchOperation")
    signature = graph.signature_def["serving_default"]
    signature.method_name = "tensorflow/serving/predict"
    signature.outputs["y"].name = "x:0"
    signature.outputs["y"].dtype = 1
    directory = folder / "hopeless" / "1"
    directory.mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(message.SerializeToString())
    return directory.parent


def test_hopeless_model_fails_fast_with_cause_and_log(tmp_path: Path, run_in_process: Runner) -> None:
    """A model that no server can load is tried once; cause and log tail are shown, and the record tells of it."""
    (tmp_path / "test_two.py").write_text("def test_one(server): pass\ndef test_two(server): pass")
    done = run_in_process(
        tmp_path,
        f"--model=m={_hopeless(tmp_path)}",
        "--serving-results=results.json",
        GITHUB_STEP_SUMMARY=str(tmp_path / "step.md"),
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "StartupError: " in done.stdout
    assert "Op type not registered 'NoSuchOperation'" in done.stdout
    assert "likely cause: the model uses the op NoSuchOperation, which this server does not have" in done.stdout
    assert done.stdout.count("last log lines:") == 1
    (again,) = [line for line in done.stdout.splitlines() if line.startswith("ServerError: ")]
    assert again.startswith("ServerError: this server could not be started for an earlier test")
    assert "the model uses the op NoSuchOperation" in again
    (finding,) = read_results(tmp_path / "results.json").findings
    assert (finding.check, finding.model, finding.fails) == ("start", "m", True)
    assert "NoSuchOperation" in (tmp_path / "step.md").read_text()


def test_unknown_server_flag_is_named(tmp_path: Path, half_plus_two: Path, run_in_process: Runner) -> None:
    """A flag the server does not know is an error, though the server would start without it."""
    (tmp_path / "test_one.py").write_text("def test_one(server): pass")
    done = run_in_process(tmp_path, f"--model=m={half_plus_two}", "--serving-arg=--no_such_flag")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert re.search(r"StartupError: (?s:.*)the server does not know --no_such_flag", done.stdout)


def test_report_that_cannot_be_written_at_the_end_fails_the_run(tmp_path: Path, run_in_process: Runner) -> None:
    """What was writable at the start and is not any more is an error that names the file; nobody hears of success."""
    (tmp_path / "test_one.py").write_text("import pathlib\ndef test_one(): pathlib.Path('results.json').mkdir()")
    done = run_in_process(tmp_path, "--serving-results=results.json")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert f"ERROR: cannot write '{tmp_path / 'results.json'}': it is a folder; name a file inside it" in done.stdout
    assert "written:" not in done.stdout


def test_ctrl_c_with_workers_says_whose_record_is_lost(
    tmp_path: Path,
    half_plus_two: Path,
    command_of_run: Callable[..., list[str]],
    environment: dict[str, str],
    until: Callable[[Callable[[], Any]], None],
) -> None:
    """A worker that Ctrl-C cuts off cannot hand in what it measured: the report says so; its server is gone."""
    (tmp_path / "test_waiting.py").write_text(WAITING)
    words = command_of_run("-n1", f"--model=m={half_plus_two}", "--serving-results=results.json")
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        until(lambda: (tmp_path / "waiting").exists() or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    results = read_results(tmp_path / "results.json")
    assert results.run.interrupted
    assert any("they were cut off: gw0" in warning for warning in results.warnings)
    until(lambda: not psutil.pid_exists(int((tmp_path / "pid").read_text())))
