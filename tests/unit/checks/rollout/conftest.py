"""Rollouts on a quick server, sound or not, and on ways to it that alter answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.checks.rollout import check
from harness.checks.rollout.steps import steps_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.checks.rollout.place import Place
    from harness.checks.subject import Subject
    from harness.findings import Finding


@pytest.fixture
def rolled_out(
    on_quick_stage: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Finding]]:
    """A function that runs the check on half_plus_two and returns its findings by what they are about.

    ``rolled_out("roll back", faults=("never looks",), grpc_change=...)`` plays the steps named, all if none is; the
    rest is ``on_quick_stage``'s.
    """

    def run(*titles: str, **options: Any) -> dict[str, Finding]:
        def chosen(place: Place) -> Any:
            return tuple(step for step in steps_of(place) if not titles or step.title in titles)

        monkeypatch.setattr("harness.checks.rollout.play.steps_of", chosen)
        return {finding.subject: finding for finding in check(on_quick_stage(**options))}

    return run
