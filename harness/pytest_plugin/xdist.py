"""pytest-xdist: the controller chooses the backend and owns the servers, workers use them and hand their records back.

With ``--serving-per-worker`` each worker starts servers of its own.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError
from harness.pytest_plugin.backend import chosen_backend
from harness.pytest_plugin.state import STATE
from harness.servers.choice import BackendChoice

if TYPE_CHECKING:
    from harness.pytest_plugin.state import State
    from harness.servers.sharing import ServerBroker, SharedServers

__all__ = [
    "is_worker",
    "pytest_configure_node",
    "pytest_testnodedown",
    "send_record",
    "shared_servers",
    "take_backend",
]

_BACKEND, _RECORD, _TICKET = "serving_backend_choice", "serving_record", "serving_broker"
_BROKER: pytest.StashKey[ServerBroker] = pytest.StashKey()


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is an xdist worker."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a starting worker which backend was chosen, so that all take the same."""
    state: State = node.config.stash[STATE]
    state.awaited.add(node.gateway.id)
    if not state.models:
        return
    try:
        node.workerinput[_BACKEND] = asdict(chosen_backend(state))
    except HarnessError:
        return  # each test that needs a server will say so; others can run
    if not state.config.per_worker and chosen_backend(state).name != "external":
        node.workerinput[_TICKET] = _broker(node.config, state).ticket


def _broker(config: pytest.Config, state: State) -> ServerBroker:
    """Return what owns the servers of this run; the first worker brings it about, the end of the run ends it."""
    if _BROKER not in config.stash:
        from harness.pytest_plugin.servers import MOST_AT_ONCE, Servers
        from harness.scratch import scratch_directory
        from harness.servers.sharing import ServerBroker

        staging = scratch_directory()
        broker = ServerBroker(Servers(state, staging).launch, most_at_once=MOST_AT_ONCE)
        config.stash[_BROKER] = broker
        config.add_cleanup(lambda: shutil.rmtree(staging, ignore_errors=True))
        config.add_cleanup(broker.close)  # cleanups run from the last to the first
    return config.stash[_BROKER]


def shared_servers(config: pytest.Config) -> SharedServers | None:
    """Return the controller's servers, None in a process that starts its own."""
    ticket = getattr(config, "workerinput", {}).get(_TICKET)
    if ticket is None:
        return None
    from harness.servers.sharing import SharedServers

    return SharedServers(tuple(ticket))


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
    state.awaited.discard(node.gateway.id)
    packed = getattr(node, "workeroutput", {}).get(_RECORD)
    if packed is not None:
        state.recorder.merge(packed)
    elif error:
        state.recorder.warnings.append(f"a test worker crashed, and what it had measured is lost: {error}")
