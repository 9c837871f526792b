"""Every recorded exchange, answered as the genuine server answered it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
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
