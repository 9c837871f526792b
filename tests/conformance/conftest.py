"""Plays the corpus once per session, several scenarios at a time; tests/conftest.py sums the results up at the end.

The server is the stand-in, or the binary named by ``--serving-binary`` or the environment variable SERVING_BINARY.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from replay import certificates
from replay.corpus import Scenario
from replay.launch import launcher_for
from replay.player import play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replay.player import Result

_WORKERS = 6
_PROPERTY = "conformance"  # as tests/conftest.py reads it


@pytest.fixture(scope="session")
def played(request: pytest.FixtureRequest) -> Iterator[Callable[[Scenario], list[Result]]]:
    """A function that gives a scenario's results; all the selected ones are played in the background meanwhile."""
    command = request.config.getoption("serving_binary", default=None) or os.environ.get("SERVING_BINARY")
    launcher, pems = launcher_for(command), certificates.make()
    pool = ThreadPoolExecutor(_WORKERS)
    jobs: dict[str, Future[list[Result]]] = {}

    def results(scenario: Scenario) -> list[Result]:
        if scenario.name not in jobs:
            jobs[scenario.name] = pool.submit(play, scenario, launcher, pems)
        return jobs[scenario.name].result()

    # A worker of pytest-xdist gets only some of the session's items, but whole files under --dist loadfile.
    if getattr(request.config, "workerinput", {"whole_files": True}).get("whole_files"):
        for item in request.session.items:
            callspec = getattr(item, "callspec", None)
            scenario = callspec.params.get("scenario") if callspec else None
            if isinstance(scenario, Scenario):
                jobs[scenario.name] = pool.submit(play, scenario, launcher, pems)
    yield results
    pool.shutdown(cancel_futures=True)
    launcher.close()


@pytest.fixture
def record_results(record_property: Callable[[str, object], None]) -> Callable[[list[Result]], None]:
    """Keep a test's results in its report, for the table at the end."""

    def record(results: list[Result]) -> None:
        record_property(_PROPERTY, [(result.area, result.step, result.difference is None) for result in results])

    return record
