"""Which tests run: each once for every model it is for, none for a model that this run does not serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError
from harness.pytest_plugin.backend import chosen_backend
from harness.pytest_plugin.marks import mark_of
from harness.pytest_plugin.state import STATE
from harness.pytest_plugin.suite import add_suite
from harness.pytest_plugin.xdist import is_worker

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "model_of",
    "needs_server",
    "pytest_collection_modifyitems",
    "pytest_generate_tests",
    "pytest_report_collectionfinish",
    "pytest_runtestloop",
]

_DESELECTED: pytest.StashKey[dict[str, int]] = pytest.StashKey()


def needs_server(item: pytest.Item) -> bool:
    """Whether a test asks for a served model, directly or through another fixture."""
    return not {"serving_model", "serving_servers"}.isdisjoint(getattr(item, "fixturenames", ()))


def model_of(item: pytest.Item) -> str | None:
    """Return the model a test runs on, None if it is for none in particular."""
    call = getattr(item, "callspec", None)
    return call.params.get("serving_model") if call is not None else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that needs a served model once for each model it is for, one of the checks once for each check."""
    if "serving_check" in metafunc.fixturenames:
        from harness.checks.catalogue import choose_checks

        names = metafunc.config.stash[STATE].config.checks.names or ()
        checks = choose_checks(names, option="--serving-checks")
        metafunc.parametrize("serving_check", checks, ids=lambda check: check.name)
    if "serving_gated_model" in metafunc.fixturenames:
        metafunc.parametrize("serving_gated_model", list(metafunc.config.stash[STATE].config.gate.baselines))
    if "serving_model" not in metafunc.fixturenames:
        return
    try:
        mark = mark_of(metafunc.definition)
    except HarnessError as exc:
        raise pytest.fail.Exception(f"{metafunc.definition.nodeid}: {exc}", pytrace=False) from None
    names = mark.models or tuple(metafunc.config.stash[STATE].models)
    if names:
        metafunc.parametrize("serving_model", names, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the built-in checks where they are wanted; deselect tests made for models that this run does not serve."""
    add_suite(session, items, config.stash[STATE])
    served = config.stash[STATE].models
    if not served:
        return
    foreign = [item for item in items if model_of(item) not in {None, *served}]
    if foreign:
        config.stash[_DESELECTED] = _count(foreign)
        config.hook.pytest_deselected(items=foreign)
        dropped = set(foreign)
        items[:] = [item for item in items if item not in dropped]


def _count(items: Iterable[pytest.Item]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in map(model_of, items):
        counts[str(name)] = counts.get(str(name), 0) + 1
    return counts


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say which tests were left out and for which model: a misspelt name would otherwise go unseen."""
    return [
        f"serving: {number} deselected, made for the model {name!r}, which this run does not serve"
        for name, number in config.stash.get(_DESELECTED, {}).items()
    ]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """End the run now, with one clear error, if tests need a server and the backend asked for cannot be had.

    Reached by runs that are more than a listing; an xdist controller has no items, its workers' tests tell it each.
    """
    config = session.config
    state = config.stash[STATE]
    if config.option.collectonly:
        return
    needy = state.models and not is_worker(config) and any(map(needs_server, getattr(session, "items", ())))
    try:
        if needy:
            chosen_backend(state)
    except HarnessError as exc:
        raise pytest.UsageError(str(exc)) from exc
    state.has_run = True
