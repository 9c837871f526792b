"""Options that cannot be used: exit code 4 at once, with what was given and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEEDS_SERVER = "def test_mine(server): pass\ndef test_other(): pass"

BAD = {
    "path does not exist": (["--model", "x=no/such/path"], "--model x=no/such/path: there is no such path; give the*"),
    "path without a name": (["--model", "no/such/path"], "--model 'no/such/path' should be NAME=PATH, e.g.*"),
    "name without its path": (["--model", "x="], "--model 'x=' should be NAME=PATH, e.g.*"),
    "name of no model": (["--model", "x"], "--model x: no path, and this repository has no model of that name (it*"),
    "model twice": (["--model", "x=.", "--model", "x=.."], "--model x is given twice: . and ..; give each model*"),
    "name no URL can carry": (["--model", "x:y=."], "'x:y' cannot be a model's name: REST URLs are*"),
    "unknown backend": (["--serving-backend", "gpu"], "--serving-backend 'gpu' is not a backend; there are auto,*"),
    "empty backend": (["--serving-backend="], "--serving-backend is given without a value*"),
    "timeout in words": (["--serving-timeout=soon"], "--serving-timeout 'soon' should be a number of seconds above 0*"),
    "timeout nan": (["--serving-timeout=nan"], "--serving-timeout 'nan' should be a number of seconds*"),
    "timeout zero": (["--serving-timeout=0"], "--serving-timeout '0' should be a number of seconds*"),
    "timeout endless": (["--serving-timeout=inf"], "--serving-timeout 'inf' should be a number of seconds*"),
    "endpoint that is none": (["--serving-endpoint=here"], "'here' is not an endpoint: give HOST:PORT for gRPC*"),
    "option twice": (
        ["--serving-timeout", "5", "--serving-timeout=6"],
        "--serving-timeout is given twice: * and *; give it once",
    ),
    "backends that differ": (
        ["--serving-backend=standin", "--serving-binary=/x"],
        "these options ask for different backends: --serving-backend standin*and --serving-binary /x (backend binary)*",
    ),
    "flag that is none": (["--serving-arg=enable_batching"], "--serving-arg 'enable_batching' is not a flag of the*"),
    "flag for a running server": (
        ["--serving-endpoint=127.0.0.1:1", "--serving-arg=--enable_batching"],
        "--serving-arg --enable_batching cannot reach the server at 127.0.0.1:1, which runs already*",
    ),
    "nobody to record": (
        ["--update-goldens", "--serving-checks=parity"],
        "--update-goldens needs the check goldens, which --serving-checks parity leaves out",
    ),
    "one file for two": (["--serving-report=x", "--serving-results=x"], "*x is named for two outputs*name two files"),
    "report below a file": (["--serving-report=file/report.html"], "cannot write '*': *file is not a folder; choose*"),
    "report is a folder": (["--serving-results=folder"], "cannot write '*folder': it is a folder; name a file*"),
    "unknown check": (
        ["--serving-checks=parity,paritty"],
        "--serving-checks 'paritty' is no check; there are inputs,*",
    ),
    "no check": (["--serving-checks=,"], "--serving-checks '' is no check; there are inputs,*"),
    "checks twice": (
        ["--serving-checks", "all", "--serving-checks=parity"],
        "--serving-checks is given twice: * and *; give it once",
    ),
    "checks without a name": (["--serving-checks="], "--serving-checks is given without a value*"),
    "seed in words": (["--serving-seed=one"], "--serving-seed 'one' should be a whole number*"),
    "examples without a model": (["--serving-examples=x.npz"], "--serving-examples 'x.npz' should be NAME=FILE, e.g.*"),
    "examples without a file": (["--serving-examples=x="], "--serving-examples 'x=' should be NAME=FILE, e.g.*"),
    "examples that are not there": (["--serving-examples=x=no.npz"], "--serving-examples x=no.npz: there is no such *"),
    "examples twice": (
        ["--serving-examples=x=file", "--serving-examples=x=file"],
        "--serving-examples x is given twice: *file and *file; give one file",
    ),
    "examples of no model": (
        ["--model=y=folder", "--serving-examples=x=file"],
        "--serving-examples x: this run serves no model of that name (it serves: y)",
    ),
    "report without a name": (["--serving-summary="], "--serving-summary is given without a value*"),
}


@pytest.mark.parametrize(("words", "text"), BAD.values(), ids=BAD.keys())
def test_bad_usage_ends_with_4_and_says_why(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], words: list[str], text: str
) -> None:
    """Nothing is collected, and the one line of the error names the option, what was given and what to do."""
    (pytester.path / "file").touch()
    (pytester.path / "folder").mkdir()
    pytester.makepyfile(NEEDS_SERVER)
    result = run(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {text}"])
    result.stdout.no_fnmatch_line("*collected*")


def test_ini_default_may_be_overridden(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]) -> None:
    """A value of ``addopts`` is a default: the command line replaces it, which is no repetition."""
    pytester.makeini("[pytest]\naddopts = --serving-timeout=5 --serving-backend=container")
    pytester.makepyfile(
        """
        def test_config(serving_config):
            assert (serving_config.ready_timeout_s, serving_config.backend) == (7.0, "standin")
        """
    )
    run("--serving-timeout=7", "--serving-backend=standin").assert_outcomes(passed=1)


NO_BACKEND = {
    "container": (["--serving-backend=container"], "backend 'container' was asked for, but it cannot run here: no D*"),
    "image": (["--serving-image=some/image:1"], "backend 'container' was asked for, but it cannot run here: no Dock*"),
    "binary": (["--serving-backend=binary"], "backend 'binary' was asked for, but it cannot run here: no tensorflow*"),
    "named binary": (
        ["--serving-binary=/nonexistent"],
        "backend 'binary' was asked for, but it cannot run here: /nonexistent is not an executable file",
    ),
    "external": (["--serving-backend=external"], "backend 'external' was asked for, but it cannot run here: no endp*"),
}


@pytest.mark.parametrize(("words", "text"), NO_BACKEND.values(), ids=NO_BACKEND.keys())
@pytest.mark.usefixtures("named_models")
def test_backend_that_is_not_there_ends_the_run_once(
    pytester: pytest.Pytester,
    run: Callable[..., pytest.RunResult],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    text: str,
) -> None:
    """It is said once, with the remedy and exit code 4, and no test runs; the stand-in never takes its place."""
    monkeypatch.setenv("PATH", "/nonexistent")
    pytester.makepyfile(NEEDS_SERVER)
    result = run(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {text}", "  remedy: *"])


@pytest.mark.usefixtures("named_models")
def test_tests_without_a_server_run_without_a_backend(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """Where no collected test needs a server, a backend that is not there is told in the header and harms nothing."""
    pytester.makepyfile(NEEDS_SERVER)
    result = run("--serving-backend=container", "-k", "test_other")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["serving: backend 'container' was asked for, but it cannot run here: no Docker eng*"])


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("['a']", "pytest_serving_models returned ['a']; it should return a dict of paths by model name"),
        ("{'a': 3}", "pytest_serving_models named 'a': 3; it should be a model's name with its path, or with a func*"),
    ],
)
def test_hook_with_a_bad_answer(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], answer: str, text: str
) -> None:
    """What a conftest.py names as models is looked over as the options are."""
    pytester.makeconftest(f"def pytest_serving_models(config): return {answer}")
    pytester.makepyfile(NEEDS_SERVER)
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {text}".replace("[", "[[]")])


def _keras_file(folder: Path, _: Path) -> Path:
    path = folder / "model.keras"
    path.write_bytes(b"PK")
    return path


def _version_directory(_: Path, good: Path) -> Path:
    return good / "3"


def _corrupt(folder: Path, _: Path) -> Path:
    (folder / "model" / "1").mkdir(parents=True)
    (folder / "model" / "1" / "saved_model.pb").write_bytes(b"garbage" * 10)
    return folder / "model"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (_keras_file, "LayoutError: *model.keras is a Keras file, but a server loads directories*Load and export it*"),
        (_version_directory, "LayoutError: */3 is version 3 of a model, not its base path*Give its parent*"),
        (_corrupt, "LayoutError: *saved_model.pb (70 bytes) is not a SavedModel message*export the model again"),
    ],
)
def test_path_that_no_server_could_load(
    pytester: pytest.Pytester,
    run: Callable[..., pytest.RunResult],
    half_plus_two: Path,
    make: Callable[[Path, Path], Path],
    text: str,
) -> None:
    """Said before a server is started: whole for the first test, in a line for those after it."""
    pytester.makepyfile("def test_one(server): pass\ndef test_two(client): pass")
    result = run("--model", f"x={make(pytester.path, half_plus_two)}", "--serving-backend=standin")
    result.assert_outcomes(errors=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([text, "ServerError: this server could not be started for an earlier test*"])
    result.stdout.no_fnmatch_line("*harness/*.py*Error*")
    result.stdout.no_fnmatch_line("During handling of the above exception*")
