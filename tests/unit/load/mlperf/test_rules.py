"""The rules of a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import UsageError
from harness.load.mlperf import Rules

if TYPE_CHECKING:
    from pathlib import Path


def test_rules_travel_through_a_file(tmp_path: Path) -> None:
    """What is loaded is what was saved."""
    rules = Rules(scenario="Server", percent=97.0, target_latency_ns=7, seed=5, rate_per_s=2.5)
    rules.save(tmp_path)

    assert Rules.load(tmp_path) == rules


@pytest.mark.parametrize(("scenario", "percent"), [("SingleStream", 90), ("MultiStream", 99), ("Server", 99)])
def test_each_scenario_has_its_percentile(scenario: Any, percent: float) -> None:
    """Unless told otherwise a scenario is judged by the percentile of MLPerf's rules."""
    assert Rules(scenario=scenario).judged_percent == percent
    assert Rules(scenario=scenario, percent=50).judged_percent == 50


@pytest.mark.parametrize(
    "bad",
    [
        {"min_duration_s": 0},
        {"min_queries": 0},
        {"percent": 100.0},
        {"percent": float("nan")},
        {"rate_per_s": 0.0},
        {"target_latency_ns": 0},
        {"samples_per_query": 0},
        {"in_flight": 0},
        {"seed": -1},
    ],
)
def test_what_loadgen_cannot_use_is_refused(bad: dict[str, Any]) -> None:
    """A value that LoadGen would abort for is refused before."""
    with pytest.raises(UsageError):
        Rules(scenario="Server", **bad)
