"""The built-in checks as tests: when they run, and what they are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.checks.catalogue import CHECKS
from harness.results import read_results

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

ALL = [check.name for check in CHECKS]
OWN_TEST = "def test_own(): pass"


def _checks(result: pytest.RunResult, model: str = "a") -> list[str]:
    """Return the names of the checks among the collected tests."""
    names = [line.partition("::test_served_model[")[2] for line in result.outlines if "test_served_model[" in line]
    return [name.removesuffix(f"-{model}]") for name in names]


def _own(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if line.endswith("::test_own")]


@pytest.fixture
def endpoint(addresses: dict[str, Any]) -> str:
    """A running server of half_plus_two, as ``--serving-endpoint`` takes it."""
    return f"--serving-endpoint={addresses['grpc']},{addresses['rest']}"


@pytest.mark.usefixtures("named_models")
def test_asked_for_they_run_beside_other_tests(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]) -> None:
    """``--serving-checks all`` brings every check once for each model, after the tests there are."""
    pytester.makepyfile(OWN_TEST)
    result = run("--collect-only", "-q", "--serving-checks=all")
    assert len(_own(result)) == 1
    assert _checks(result) == [*ALL, *(f"{name}-b]" for name in ALL)]


@pytest.mark.usefixtures("named_models")
def test_some_can_be_asked_for(run: Callable[..., pytest.RunResult]) -> None:
    """Names choose checks, which run in their own order, and only once each."""
    result = run("--collect-only", "-q", "--model=a", "--serving-checks=parity, inputs,parity")
    assert _checks(result) == ["inputs", "parity"]


@pytest.mark.usefixtures("named_models")
def test_a_run_with_a_model_and_no_test_runs_them(run: Callable[..., pytest.RunResult]) -> None:
    """``pytest --model NAME`` alone checks the model."""
    assert _checks(run("--collect-only", "-q", "--model=a")) == ALL


@pytest.mark.usefixtures("named_models")
def test_where_there_are_tests_nothing_is_added(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """Tests of the user's own are what was asked for, also where ``-k`` leaves none of them."""
    pytester.makepyfile(OWN_TEST)
    result = run("--collect-only", "-q", "--model=a")
    assert (len(_own(result)), _checks(result)) == (1, [])
    result = run("--collect-only", "-q", "--model=a", "-k", "another")
    assert (len(_own(result)), _checks(result)) == (0, [])


@pytest.mark.usefixtures("named_models")
def test_without_a_model_on_the_command_line_nothing_is_added(run: Callable[..., pytest.RunResult]) -> None:
    """A repository that names its models and has no test yet has no test, as pytest says."""
    assert run("--collect-only", "-q").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.usefixtures("named_models")
def test_a_broken_test_file_is_no_run_without_tests(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """Where collecting fails there may be tests: the checks do not take their place."""
    pytester.makepyfile("import no_such_module")
    result = run("--model=a", "--collect-only", "-q")
    assert _checks(result) == []
    assert result.ret == pytest.ExitCode.INTERRUPTED


@pytest.mark.usefixtures("named_models")
def test_tests_that_run_the_checks_are_not_doubled(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """A repository that imports the suite's test has the checks in it."""
    pytester.makepyfile("from harness.pytest_plugin.suite.test_served_model import test_served_model")
    result = run("--collect-only", "-q", "--model=a", "--serving-checks=inputs")
    assert _checks(result) == ["inputs"]


def test_they_are_found_below_the_project(
    tmp_path: Path, run_in_process: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The checks of a package in the project's own virtual environment, where pytest looks for no tests, still run."""
    import harness

    packages = tmp_path / ".venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    (packages / "harness").symlink_to(Path(harness.__file__).parent)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text("def pytest_serving_models(config): return {'a': '.'}")
    done = run_in_process(tmp_path, "--collect-only", "-q", "--serving-checks=inputs", PYTHONPATH=str(packages))
    assert "test_served_model.py::test_served_model[inputs-a]" in done.stdout, done.stdout + done.stderr


def test_they_run_and_are_recorded(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], endpoint: str
) -> None:
    """A check is a test that passes, and its findings are in the record."""
    result = run("--model=half_plus_two", endpoint, "--serving-checks=inputs,parity", "--serving-results=results.json")
    result.assert_outcomes(passed=2)
    results = read_results(pytester.path / "results.json")
    assert {finding.check for finding in results.findings} == {"inputs", "parity"}


def test_a_failed_check_shows_its_finding(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], endpoint: str
) -> None:
    """The user's request that the model refuses fails the test, as tried, expected, seen and a line to repeat it."""
    (pytester.path / "mine.json").write_text(json.dumps({"signature_name": "regress_x_to_y", "examples": [{"z": 1.0}]}))
    words = ("--model=half_plus_two", endpoint, "--serving-checks=inputs")
    result = run(*words, "--serving-examples=half_plus_two=mine.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "inputs of half_plus_two: regress_x_to_y",
            "  tried:    send each known request once",
            "  expected: an answer to each",
            "  seen:     examples in mine.json: INVALID_ARGUMENT: *",
            "  again:    python -c *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_examples_are_what_is_asked(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], endpoint: str
) -> None:
    """``--serving-examples`` gives the requests of one model; the record says that they were used."""
    (pytester.path / "mine.json").write_text(json.dumps({"instances": [1.0]}))
    result = run(
        "--model=half_plus_two", endpoint, "--serving-checks=inputs", "--serving-examples=half_plus_two=mine.json",
        "--serving-results=results.json",
    )  # fmt: skip
    result.assert_outcomes(passed=1)
    seen = {one.subject: one.seen for one in read_results(pytester.path / "results.json").findings}
    assert seen["serving_default"] == "asked with 1 request: examples in mine.json"


def test_examples_that_cannot_be_used_fail_without_a_traceback(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], endpoint: str
) -> None:
    """The text says which file and why; the way through the harness is nobody's business."""
    (pytester.path / "mine.json").write_text("[")
    result = run(
        "--model=half_plus_two", endpoint, "--serving-checks=inputs", "--serving-examples=half_plus_two=mine.json"
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["CheckError: *mine.json cannot be used as examples: Expecting value*"])
    result.stdout.no_fnmatch_line("*harness/checks/*")


def test_a_subject_is_opened_once(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], endpoint: str
) -> None:
    """What to ask a model is found out for the first test, and kept for those after it."""
    pytester.makepyfile(
        """
        SEEN = []

        def test_one(serving_subject):
            SEEN.append(serving_subject)

        def test_two(serving_subject):
            assert SEEN == [serving_subject]
        """
    )
    run("--model=half_plus_two", endpoint).assert_outcomes(passed=2)


def test_they_run_with_xdist(
    tmp_path: Path,
    half_plus_two: Path,
    endpoint: str,
    run_in_process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Several workers share the checks of one model, and the controller has all that they found."""
    words = [f"--model=half_plus_two={half_plus_two}", endpoint, "--serving-checks=inputs,contract,parity"]
    done = run_in_process(tmp_path, *words, "-n", 2, "--serving-results=results.json", backend="external")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    results = read_results(tmp_path / "results.json")
    assert {finding.check for finding in results.findings} == {"inputs", "contract", "parity"}
