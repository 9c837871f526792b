"""pytest's hooks: configure, header, attach logs, count, write the report.

Every pytest run of an environment with the harness passes through here, also those that serve nothing: what is heavy
is imported where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError
from harness.option_values import without_secrets
from harness.pytest_plugin import hookspecs
from harness.pytest_plugin.backend import chosen_backend
from harness.pytest_plugin.collecting import model_of, needs_server
from harness.pytest_plugin.marks import DESCRIPTION
from harness.pytest_plugin.models import choose_models, read_own
from harness.pytest_plugin.options import parse_config
from harness.pytest_plugin.recorder import Recorder
from harness.pytest_plugin.state import STATE, State
from harness.pytest_plugin.xdist import is_worker, send_record, take_backend

if TYPE_CHECKING:
    from collections.abc import Generator

    from harness.servers import Server

__all__ = [
    "SERVER_USED",
    "pytest_addhooks",
    "pytest_configure",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_unconfigure",
]

SERVER_USED: pytest.StashKey[Server] = pytest.StashKey()
_COUNTER = "tfserving_harness_counter"


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hook by which repositories name their models."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Parse the options once; refuse here what could only fail later."""
    config.addinivalue_line("markers", DESCRIPTION)
    try:
        state = _state(config)
    except HarnessError as exc:
        raise pytest.UsageError(str(exc)) from exc
    config.stash[STATE] = state
    config.pluginmanager.register(_Counter(state), _COUNTER)


def _state(config: pytest.Config) -> State:
    parsed = parse_config(config)
    if parsed.outputs and not is_worker(config):
        from harness.results import check_writable

        for path in parsed.outputs:
            check_writable(path)
    own = read_own(config.hook.pytest_serving_models(config=config))
    models = choose_models(parsed, own)
    return State(
        config=parsed,
        models=models,
        own_models=frozenset(name for name in models if parsed.models.get(name) is None and name in own),
        recorder=Recorder(command=("pytest", *without_secrets(map(str, config.invocation_params.args)))),
        backend=take_backend(config),
    )


class _Counter:
    """Counts every test's outcome. On an xdist controller it sees those of all workers."""

    def __init__(self, state: State) -> None:
        self._state = state

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._state.recorder.count(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._state.recorder.count_collection(report)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Undo the registration, for processes that run pytest several times."""
    counter = config.pluginmanager.get_plugin(_COUNTER)
    if counter is not None:
        config.pluginmanager.unregister(counter)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which backend will serve, why, and which models."""
    state = config.stash[STATE]
    if not state.models or config.option.collectonly or is_worker(config):
        return []
    try:
        backend = chosen_backend(state)
    except HarnessError as exc:  # fatal for tests that need a server only: collecting tells whether there are any
        return [f"serving: {line}" for line in str(exc).splitlines()]
    return [f"serving: backend {backend}", f"serving: models {', '.join(state.models)}"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note the backend and the model in the test's JUnit properties."""
    state = item.config.stash[STATE]
    if state.backend is not None and needs_server(item):
        item.user_properties.append(("serving_backend", state.backend.name))
        model = model_of(item)
        item.user_properties.extend([("serving_model", model)] if model is not None else [])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the server's last log lines to a failed test, and keep a benchmark's samples."""
    report = yield
    server = item.stash.get(SERVER_USED, None)
    if report.failed and server is not None and server.backend.name != "external":
        report.sections.append((f"Server log, last lines ({server.backend.name})", _log_text(server)))
    if call.when == "call" and report.passed and "benchmark" in getattr(item, "funcargs", {}):
        from harness.pytest_plugin.benchmarks import record_benchmark

        record_benchmark(item, item.config.stash[STATE])
    return report


def _log_text(server: Server) -> str:
    lines = list(server.log_tail()) or ["(the server has written nothing)"]
    ended = server.engine.exit_text()
    return "\n".join([*lines, *([f"(the server has ended: {ended})"] if ended is not None else [])])


@pytest.hookimpl(tryfirst=True)  # before the JUnit file is written
def pytest_sessionfinish(session: pytest.Session, exitstatus: int | pytest.ExitCode) -> None:
    """Write the report, or on a worker hand the record on."""
    state = session.config.stash[STATE]
    if is_worker(session.config):
        send_record(session.config, state)
    elif state.has_run:
        from harness.pytest_plugin.output import finish

        finish(state, session, interrupted=exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what was found and measured, and where the report is."""
    state = config.stash[STATE]
    if state.has_run and (state.config.outputs or state.write_fault or not state.recorder.is_empty):
        from harness.pytest_plugin.output import print_record

        print_record(state, terminalreporter)
