"""pytest-xdist: the controller's choice of backend goes to the workers, their records come back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError
from harness.pytest_plugin.backend import chosen_backend
from harness.pytest_plugin.state import STATE
from harness.servers.choice import BackendChoice

if TYPE_CHECKING:
    from harness.pytest_plugin.state import State

__all__ = ["is_worker", "pytest_configure_node", "pytest_testnodedown", "send_record", "take_backend"]

_BACKEND, _RECORD = "serving_backend_choice", "serving_record"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is an xdist worker."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a starting worker which backend was chosen, so that all take the same."""
    state: State = node.config.stash[STATE]
    if not state.models:
        return
    try:
        node.workerinput[_BACKEND] = asdict(chosen_backend(state))
    except HarnessError:
        return  # each test that needs a server will say so; others can run


def take_backend(config: pytest.Config) -> BackendChoice | None:
    """Return the backend the controller chose, None in a process that is no worker."""
    told = getattr(config, "workerinput", {}).get(_BACKEND)
    if told is None:
        return None
    rejected = tuple((name, why) for name, why in told["rejected"])
    return BackendChoice(name=told["name"], reason=told["reason"], rejected=rejected)


def send_record(config: pytest.Config, state: State) -> None:
    """Hand a worker's record to the controller."""
    config.workeroutput[_RECORD] = state.recorder.pack()  # type: ignore[attr-defined] # xdist adds it to workers


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Take over a worker's record; a crashed worker leaves a warning in the report."""
    state: State = node.config.stash[STATE]
    packed = getattr(node, "workeroutput", {}).get(_RECORD)
    if packed is not None:
        state.recorder.merge(packed)
    elif error:
        state.recorder.warnings.append(f"a test worker crashed, and what it had measured is lost: {error}")
