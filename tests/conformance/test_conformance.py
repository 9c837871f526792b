"""Every recorded exchange, answered as the genuine server answered it."""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from replay import table
from replay.corpus import Scenario, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from replay.player import Result

_SHOWN = 5


@pytest.mark.parametrize("scenario", load(), ids=lambda scenario: scenario.name)
def test_scenario_is_answered_as_recorded(
    scenario: Scenario,
    played: Callable[[Scenario], list[Result]],
    record_results: Callable[[list[Result]], None],
) -> None:
    """The server answers every exchange of a scenario as the genuine one did."""
    results = played(scenario)
    record_results(results)
    different = [result for result in results if result.difference is not None]
    text = "\n".join(f"{result.step}\n    {result.difference}" for result in different[:_SHOWN])
    assert not different, f"{len(different)} of {len(results)} exchanges differ:\n{text}"


def test_the_recorded_score_is_this_one(
    played: Callable[[Scenario], list[Result]], request: pytest.FixtureRequest
) -> None:
    """The score that the package and docs/conformance.md carry is what the stand-in reaches now."""
    if request.config.getoption("serving_binary", default=None) or os.environ.get("SERVING_BINARY"):
        pytest.skip("another server than the stand-in is played against")
    results = [result for scenario in load() for result in played(scenario)]
    recorded = json.loads(resources.files("harness.standin").joinpath("conformance.json").read_text())
    assert table.record(results) == recorded, "run python tests/conformance/score.py --record"
    page = Path(__file__).parents[2] / "docs" / "conformance.md"
    assert page.read_text(encoding="utf-8").endswith(table.markdown(results))
