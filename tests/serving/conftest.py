"""Which checks run on which models: those that start servers of their own take seconds, so not on all of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.pytest_plugin.state import STATE

if TYPE_CHECKING:
    import pytest

_ENOUGH = "half_plus_two"  # these checks ask nothing of a model but that it answers


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where all models of the repository are served, leave checks with servers of their own to one of them."""
    if _ENOUGH not in config.stash[STATE].own_models:
        return
    surplus = [item for item in items if _is_surplus(item)]
    if surplus:
        config.hook.pytest_deselected(items=surplus)
        items[:] = [item for item in items if item not in set(surplus)]


def _is_surplus(item: pytest.Item) -> bool:
    params = getattr(getattr(item, "callspec", None), "params", {})
    check = params.get("serving_check")
    return check is not None and check.starts_servers and params.get("serving_model") != _ENOUGH
