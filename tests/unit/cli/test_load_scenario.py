"""``tfserving-harness load --scenario``: what it refuses, and that LoadGen's verdict is the command's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.extras import require_extra
from harness.results import read_results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BAD = {
    "another scenario's": (("offline", "--target-rate", "5"), "--target-rate goes with --scenario server, not offline"),
    "count": (("server", "--requests", "5"), "--requests does not go with --scenario; give --min-queries instead"),
    "engine": (("server", "--engine", "h11"), "--engine does not go with --scenario; the fastest one sends"),
    "processes": (("server", "--processes", "2"), "--processes does not go with --scenario"),
    "another mode": (("server", "--rate", "3"), "--rate and --scenario ask for different measurements"),
    "latency": (("server", "--target-latency", "x"), "--target-latency 'x' should be a number of seconds above 0"),
    "rate": (("server", "--target-rate", "fast"), "--target-rate 'fast' should be a number above 0"),
    "percentile": (("server", "--percentile", "100"), "the percentile must lie between 0 and 100"),
}


@pytest.mark.parametrize(("words", "text"), BAD.values(), ids=BAD.keys())
def test_what_no_scenario_takes_is_refused(
    cli: Callable[..., Any], half_plus_two: Path, words: tuple[str, ...], text: str
) -> None:
    """Values that LoadGen cannot use, and options it has no use for, end with 3 before anything is served."""
    ended = cli("load", half_plus_two, "--backend", "standin", "--scenario", *words)

    assert ended.code == 3
    assert text in ended.err


def test_the_verdict_is_reported(cli: Callable[..., Any], half_plus_two: Path, tmp_path: Path) -> None:
    """The row is in the results, LoadGen's logs in the folder, and an invalid run ends with 1."""
    require_extra("mlperf")
    words = ("--scenario", "multi-stream", "--samples-per-query", 2, "--min-queries", 5, "--scenario-logs", tmp_path)

    ended = cli(
        "load", half_plus_two, "--backend", "standin", "--api", "rest", "--duration", "0.05", "--warmup", "0",
        *words, "--report", tmp_path,
    )  # fmt: skip

    (row,) = read_results(tmp_path / "results.json").scenarios
    assert ended.code == 1
    assert (row.scenario, row.api, row.valid) == ("MultiStream", "rest", False)
    assert "not valid: Early stopping satisfied: NO. Only processed" in ended.out + ended.err
    assert (tmp_path / "mlperf-rest-MultiStream" / "mlperf_log_detail.txt").is_file()
