"""One run of an example project against a real server, and everything it must leave behind."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness.results import read_results

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from harness.results import Results

USERS_TEST = '''
def test_mine(rest_client, grpc_client):
    """As the documentation shows it, in a repository without any conftest.py."""
    inputs = {"x": [1.0, 2.0, 5.0]}
    assert rest_client.predict(inputs)["y"].tolist() == grpc_client.predict(inputs)["y"].tolist()
'''

OTHER_TESTS = """
import os
import signal
import time

import pytest

from harness import Finding

SEEN = []


def test_server_is_shared(server):
    SEEN.append(server)


def test_server_is_shared_indeed(server):
    assert SEEN == [server]


@pytest.mark.serving(args=["--enable_batching"])
def test_flags_bring_another_server(server, grpc_client):
    assert server is not SEEN[0]
    assert "--enable_batching" in server.engine.command
    assert server.spec.model_names == ("mine",)
    assert grpc_client.predict({"x": [1.0]})["y"].tolist() == [4.5]
    SEEN.append(server)


@pytest.mark.serving(model="another")
def test_of_another_model(server):
    pass


def test_benchmark(benchmark, grpc_client):
    benchmark.pedantic(grpc_client.predict, [{"x": [1.0]}], rounds=20)


def test_load(serving_load, serving_inputs, server_usage):
    before = server_usage()
    result = serving_load(serving_inputs(2), concurrency=2, duration_s=0.2, warmup_s=0.0)
    assert result.n > 0
    assert result.errors == {}
    assert server_usage().cpu_us > before.cpu_us


@pytest.mark.benchmark(min_rounds=5, max_time=0.01)
def test_timed(serving_benchmark, benchmark, rest_client, serving_inputs):
    assert serving_benchmark(rest_client, serving_inputs(3))["y"].shape == (3,)
    assert benchmark.extra_info["batch_size"] == 3
    assert benchmark.extra_info["payload_bytes"] > 20
    assert benchmark.extra_info["server_cpu_us_per_call"] >= 0


def test_fails(grpc_client):
    assert grpc_client.predict({"x": [1.0]})["y"].tolist() == [0.0]


def test_finding_fails(record_finding):
    record_finding(Finding(check="own", model="mine", subject="the sky", passed=False, expected="blue", seen="grey"))


def test_kills_the_server(server):
    os.kill(server.engine.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while server.is_running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not server.is_running


def test_after_the_death(server, rest_client):
    assert server not in SEEN
    assert rest_client.predict({"x": [1.0]})["y"].tolist() == [4.5]


def test_dies_under_the_test(server, grpc_client):
    os.kill(server.engine.pid, signal.SIGKILL)
    while server.is_running:
        time.sleep(0.01)
    grpc_client.predict({"x": [1.0]}, timeout_s=2)
"""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the run left."""

    done: subprocess.CompletedProcess[str]
    folder: Path
    results: Results
    junit: ET.Element


@pytest.fixture(scope="module")
def ran(
    tmp_path_factory: pytest.TempPathFactory,
    half_plus_two: Path,
    run_in_process: Callable[..., subprocess.CompletedProcess[str]],
) -> Run:
    """Run pytest on both files, with a bare SavedModel and with every output there is."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "test_users.py").write_text(USERS_TEST)
    (folder / "test_others.py").write_text(OTHER_TESTS)
    bare = folder / "my_model"
    bare.symlink_to(half_plus_two / "3")
    done = run_in_process(
        folder,
        "test_users.py",
        "test_others.py",
        "--model=mine=my_model",
        "--serving-report=out/report.html",
        "--serving-results=out/results.json",
        "--serving-summary=out/summary.md",
        "--junitxml=junit.xml",
        GITHUB_STEP_SUMMARY=str(folder / "step.md"),
    )
    assert (folder / "out" / "results.json").exists(), done.stdout + done.stderr
    results = read_results(folder / "out" / "results.json")
    return Run(done=done, folder=folder, results=results, junit=ET.parse(folder / "junit.xml").getroot())  # noqa: S314 - our own


def _case(ran: Run, name: str) -> ET.Element:
    return next(case for case in ran.junit.iter("testcase") if str(case.get("name")).startswith(name))


def test_outcomes_and_exit_code(ran: Run) -> None:
    """Three tests fail, one is for another model, the rest passes; pytest ends with 1, and the record agrees."""
    assert ran.done.returncode == 1, ran.done.stdout
    tests = ran.results.tests
    assert tests is not None
    assert sorted(failure.node_id.partition("::")[2] for failure in tests.failures) == [
        "test_dies_under_the_test[mine]",
        "test_fails[mine]",
        "test_finding_fails",
    ]
    assert tests.passed == 9
    assert "serving: 1 deselected, made for the model 'another', which this run does not serve" in ran.done.stdout


def test_header_names_backend_and_models(ran: Run) -> None:
    """The header says what serves, and why."""
    assert "serving: backend standin (asked for)\nserving: models mine\n" in ran.done.stdout


def test_record_names_what_was_served(ran: Run) -> None:
    """Backend, model, version, signatures, command and findings are in results.json, without this machine's folders."""
    results = ran.results
    assert results.backend is not None
    assert results.backend.name == "standin"
    assert not [word for word in results.backend.command if "/" in word]
    assert [(model.name, model.versions) for model in results.models] == [("mine", (1,))]
    assert {signature.name for signature in results.models[0].signatures} >= {"serving_default"}
    assert [finding.subject for finding in results.findings] == ["the sky"]
    assert results.run.command[:2] == ("pytest", "-p")
    assert not results.run.interrupted


def test_benchmark_becomes_a_latency_row(ran: Run) -> None:
    """The samples of pytest-benchmark are kept, with the API that was called."""
    row, timed = ran.results.latency
    assert (row.api, row.model, row.n, row.how) == ("grpc", "mine", 20, "pytest-benchmark")
    assert (timed.api, timed.batch_size, timed.how) == ("rest", 3, "pytest-benchmark")


def test_load_becomes_a_throughput_row(ran: Run) -> None:
    """What ``serving_load`` measured is kept, with what the server used and how the run went over its time."""
    (row,) = ran.results.throughput
    assert (row.api, row.model, row.concurrency, row.batch_size) == ("grpc", "mine", 2, 2)
    assert row.server_cpu_us_per_request is not None
    assert sum(window.n for window in row.windows) == row.n > 0


def test_dead_server_is_replaced_and_said(ran: Run) -> None:
    """The next test gets a new server, and a warning in record and terminal tells how the old one ended."""
    (warning,) = [text for text in ran.results.warnings if "ended between two tests" in text]
    assert warning.startswith("the server of mine ended between two tests (killed by SIGKILL) and was started anew")
    assert "ended between two tests" in ran.done.stdout


def test_failed_test_shows_the_servers_log(ran: Run) -> None:
    """The last lines of the server follow a failure, and say if the server ended under the test."""
    assert ran.done.stdout.count("Server log, last lines (standin)") == 2
    assert "(the server has ended: killed by SIGKILL)" in ran.done.stdout


def test_failed_finding_shows_its_parts_and_no_traceback(ran: Run) -> None:
    """A finding that fails reads as tried, expected, seen."""
    assert "own of mine: the sky\n  tried:    \n  expected: blue\n  seen:     grey\n" in ran.done.stdout


def test_junit_names_backend_and_model(ran: Run) -> None:
    """Each test that was served carries the backend and its model; the suite carries them with the tools' versions."""
    own = {one.get("name"): one.get("value") for one in _case(ran, "test_mine").iter("property")}
    assert own == {"serving_backend": "standin", "serving_model": "mine"}
    assert not list(_case(ran, "test_finding_fails").iter("property"))
    suite = ran.junit.find("testsuite/properties")
    assert suite is not None
    values = {one.get("name"): one.get("value") for one in suite}
    assert values["serving_backend"] == "standin"
    assert values["serving_model_mine"] == "versions 1"
    assert values["version_harness"] == ran.results.run.versions["harness"]


def test_all_outputs_are_written_and_named(ran: Run) -> None:
    """HTML, JSON, Markdown and the step summary tell of the same run, and the terminal says where they are."""
    out = ran.folder / "out"
    assert (out / "report.html").read_text().lstrip().lower().startswith("<!doctype html>")
    assert (ran.folder / "step.md").read_text().strip() == (out / "summary.md").read_text().strip()
    for name in ("results.json", "report.html", "summary.md"):
        assert f"written: {out / name}" in ran.done.stdout


def test_nothing_is_left_running(ran: Run) -> None:
    """No server outlives the run."""
    import psutil

    commands = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if str(ran.folder) in command]
