"""pytest's hooks: configure, header, parametrise by model, attach logs, count, write the report.

Every pytest run of an environment with the harness passes through here, also those that serve nothing: what is heavy
is imported where it is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError
from harness.pytest_plugin import hookspecs
from harness.pytest_plugin.marks import DESCRIPTION, read_mark
from harness.pytest_plugin.models import choose_models
from harness.pytest_plugin.options import parse_config
from harness.pytest_plugin.recorder import Recorder
from harness.pytest_plugin.state import STATE, State
from harness.pytest_plugin.xdist import is_worker, send_record, take_backend
from harness.results import check_writable

if TYPE_CHECKING:
    from collections.abc import Generator

    from harness.servers import Server

__all__ = [
    "SERVER_USED",
    "pytest_addhooks",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_unconfigure",
]

SERVER_USED: pytest.StashKey[Server] = pytest.StashKey()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hook by which repositories name their models."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Parse the options once; refuse here what could only fail later."""
    config.addinivalue_line("markers", DESCRIPTION)
    try:
        parsed = parse_config(config)
        for path in parsed.outputs:
            check_writable(path)
        own = config.hook.pytest_serving_models(config=config) or {}
        models = choose_models(parsed, own)
    except HarnessError as exc:
        raise pytest.UsageError(str(exc)) from exc
    state = State(
        config=parsed,
        models=models,
        own_models=frozenset(name for name in models if parsed.models.get(name) is None and name in own),
        recorder=Recorder(),
        backend=take_backend(config),
    )
    config.stash[STATE] = state
    config.pluginmanager.register(_Counter(state), "tfserving_harness_counter")


class _Counter:
    """Counts every test's outcome. On an xdist controller it sees those of all workers."""

    def __init__(self, state: State) -> None:
        self._state = state

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._state.recorder.count(report)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Undo the registration, for processes that run pytest several times."""
    counter = config.pluginmanager.get_plugin("tfserving_harness_counter")
    if counter is not None:
        config.pluginmanager.unregister(counter)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which backend will serve, why, and which models."""
    state = config.stash[STATE]
    if not state.models or config.option.collectonly or is_worker(config):
        return []
    from harness.pytest_plugin.servers import base_spec
    from harness.servers import choose_backend

    try:
        state.backend = choose_backend(base_spec(state, _placeholder_models(state)))
    except HarnessError as exc:
        return [f"serving: {line}" for line in str(exc).splitlines()]
    return [f"serving: backend {state.backend}", f"serving: models {', '.join(state.models)}"]


def _placeholder_models(state: State) -> Any:
    """Return model configs whose paths are not looked at: the choice of a backend depends on names at most."""
    from harness.model_config import ModelConfig

    return tuple(ModelConfig(name=name, base_path="/") for name in state.models)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that needs a served model once for each model it is for."""
    if "serving_model" not in metafunc.fixturenames:
        return
    try:
        mark = read_mark(metafunc.definition.get_closest_marker("serving"))
    except HarnessError as exc:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: {exc}") from exc
    names = mark.models or tuple(metafunc.config.stash[STATE].models)
    if names:
        metafunc.parametrize("serving_model", names, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests made for models that this run does not serve."""
    served = config.stash[STATE].models
    if not served:
        return
    foreign = [item for item in items if _model_of(item) not in {None, *served}]
    if foreign:
        config.hook.pytest_deselected(items=foreign)
        items[:] = [item for item in items if item not in foreign]


def _model_of(item: pytest.Item) -> str | None:
    """Return the model a test runs on, None if it needs none."""
    call = getattr(item, "callspec", None)
    return call.params.get("serving_model") if call is not None else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note the backend in the test's JUnit properties."""
    state = item.config.stash[STATE]
    if state.backend is not None and "serving_model" in getattr(item, "fixturenames", ()):
        item.user_properties.append(("serving_backend", state.backend.name))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the server's last log lines to a failed test, and keep a benchmark's samples."""
    report = yield
    server = item.stash.get(SERVER_USED, None)
    if report.failed and server is not None:
        tail = "\n".join(server.log_tail()) or "(the server has written nothing)"
        report.sections.append((f"Server log, last lines ({server.backend.name})", tail))
    if call.when == "call" and report.passed and "benchmark" in getattr(item, "funcargs", {}):
        from harness.pytest_plugin.benchmarks import record_benchmark

        record_benchmark(item, item.config.stash[STATE])
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int | pytest.ExitCode) -> None:
    """Write the report, or on a worker hand the record on."""
    state = session.config.stash[STATE]
    if is_worker(session.config):
        send_record(session.config, state)
        return
    from harness.pytest_plugin.output import write_outputs

    interrupted = exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
    try:
        write_outputs(state, interrupted=interrupted)
    except HarnessError as exc:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        session.config.stash[_WRITE_FAULT] = str(exc)


_WRITE_FAULT: pytest.StashKey[str] = pytest.StashKey()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what was found and measured, and where the report is."""
    state = config.stash[STATE]
    fault = config.stash.get(_WRITE_FAULT, None)
    if fault is not None:
        terminalreporter.write_line(f"ERROR: {fault}", red=True)
    if not state.recorder.is_empty:
        from harness.pytest_plugin.output import print_record

        print_record(state, terminalreporter, os.environ)
