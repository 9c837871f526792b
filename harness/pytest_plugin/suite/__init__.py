"""The built-in checks as tests, for runs that ask for them, and for runs that name a model and have no tests at all.

And the gate as a test, for runs that name a baseline.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.pytest_plugin.state import State

__all__ = ["GATE", "SUITE", "add_suite"]

SUITE = Path(__file__).with_name("test_served_model.py")
GATE = Path(__file__).with_name("test_gate.py")


def add_suite(session: pytest.Session, items: list[pytest.Item], state: State) -> None:
    """Add the checks if ``--serving-checks`` asks for them or ``--model`` finds no test, the gate if it has a baseline.

    Their file is collected by itself, not as an argument of pytest: it may lie in a virtual environment below the
    project, where pytest looks for no tests. Nothing is added where collected tests run the checks already.
    """
    asked_for = state.config.checks.names is not None
    stands_in = bool(state.config.models) and not items and not session.testsfailed
    has_checks = any("serving_check" in getattr(item, "fixturenames", ()) for item in items)
    if (asked_for or stands_in) and not has_checks:
        items.extend(session.genitems(pytest.Module.from_parent(session, path=SUITE)))
    if state.config.gate.baselines:
        items.extend(session.genitems(pytest.Module.from_parent(session, path=GATE)))
