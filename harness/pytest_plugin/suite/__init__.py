"""The built-in checks as tests, for runs that ask for them, and for runs that name a model and have no tests at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from harness.pytest_plugin.state import State

__all__ = ["SUITE", "add_suite", "drop_needless_suite"]

SUITE = Path(__file__).with_name("test_served_model.py")


def add_suite(config: pytest.Config, state: State) -> None:
    """Let pytest collect the suite if ``--serving-checks`` asks for it, or ``--model`` might find no other test."""
    if (state.config.checks.names is not None or state.config.models) and str(SUITE) not in config.args:
        config.args.append(str(SUITE))


def drop_needless_suite(items: list[pytest.Item], state: State) -> None:
    """Take the suite's tests out again where others run the checks, or where nobody asked and there are other tests."""
    others = [item for item in items if item.path != SUITE]
    asked_for = state.config.checks.names is not None
    if any("serving_check" in getattr(item, "fixturenames", ()) for item in others) or (others and not asked_for):
        items[:] = others
