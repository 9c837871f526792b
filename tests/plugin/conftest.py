"""Small example folders to run pytest on, in an environment without a Docker engine, and a server to point them at."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.example_models import exported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness import Server

# Without a cache on disk, and without Hypothesis's plugin, which imports all of Hypothesis at the end of each run.
QUICK = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
DEAD_ENGINE = "unix:///nonexistent/docker.sock"
# In continuous integration pytest prints errors whole in its last summary, a second time: not here, wherever we run.
IN_CI = ("CI", "BUILD_NUMBER")


@pytest.fixture(scope="session")
def half_plus_two() -> Path:
    """The base path of half_plus_two, with versions 1, 2 and 3."""
    return exported("half_plus_two")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a Docker engine or a step summary that a machine may happen to have; printing as at a terminal."""
    monkeypatch.setenv("DOCKER_HOST", DEAD_ENGINE)
    for name in ("GITHUB_STEP_SUMMARY", *IN_CI):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """A function that runs pytest here, in this process."""

    def run_inprocess(*words: object) -> pytest.RunResult:
        return pytester.runpytest_inprocess(*QUICK, *map(str, words))

    return run_inprocess


@pytest.fixture
def named_models(pytester: pytest.Pytester) -> None:
    """A repository with the models a and b, whose export would fail: nothing here may need it."""
    pytester.makeconftest(
        """
        def fail():
            raise AssertionError("exported")

        def pytest_serving_models(config):
            return {"a": fail, "b": fail}
        """
    )


@pytest.fixture(scope="session")
def command_of_run() -> Callable[..., list[str]]:
    """A function that returns the command of a pytest run in a process of its own."""

    def words(*more: object, backend: str = "standin") -> list[str]:
        return [sys.executable, "-m", "pytest", *QUICK, f"--serving-backend={backend}", *map(str, more)]

    return words


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The environment of such a process."""
    workers = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT")
    dropped = {"GITHUB_STEP_SUMMARY", "PYTEST_ADDOPTS", *workers, *IN_CI}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "DOCKER_HOST": DEAD_ENGINE, "COLUMNS": "200"}


@pytest.fixture(scope="session")
def run_in_process(
    command_of_run: Callable[..., list[str]], environment: dict[str, str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs pytest in a folder, in a process of its own, to its end."""

    def run(
        folder: Path, *words: object, backend: str = "standin", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command_of_run(*words, backend=backend),
            cwd=folder,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], Any]], None]:
    """A function that waits until something is true."""

    def wait(is_true: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 60
        while not is_true():
            assert time.monotonic() < deadline, "waited a minute in vain"
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def running(half_plus_two: Path) -> Iterator[Server]:
    """A stand-in that somebody else runs, from the plugin's point of view; it serves half_plus_two."""
    from harness.serving import serve

    with serve(half_plus_two, name="half_plus_two", backend="standin") as server:
        yield server


@pytest.fixture(scope="session")
def addresses(running: Server) -> dict[str, Any]:
    """Its addresses: ``grpc`` as HOST:PORT, ``rest`` as a URL."""
    return {"grpc": running.endpoint.grpc, "rest": running.endpoint.rest}
