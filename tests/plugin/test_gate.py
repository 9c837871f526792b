"""The gate as a test: when it runs, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.example_models import exported
from harness.results import read_results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def digits() -> Path:
    """The base path of digits."""
    return exported("digits")


@pytest.mark.usefixtures("named_models")
def test_without_a_baseline_nothing_is_gated(run: Callable[..., pytest.RunResult], half_plus_two: Path) -> None:
    """No test of the gate is there unless a baseline is named, then one for each."""
    assert "test_no_regression" not in run("--collect-only", "-q", "--serving-checks=all").stdout.str()
    result = run("--collect-only", "-q", f"--gate-baseline=a={half_plus_two}")
    assert [line for line in result.outlines if "test_no_regression" in line] == [
        line for line in result.outlines if line.endswith("::test_no_regression[a]")
    ]


def test_a_regression_fails_the_run(
    run: Callable[..., pytest.RunResult], half_plus_two: Path, digits: Path, tmp_path: Path
) -> None:
    """A candidate that breaks the baseline's callers fails its test, and is in the report and in JUnit's file."""
    results = tmp_path / "results.json"
    result = run(
        f"--model=m={digits}",
        f"--gate-baseline=m={half_plus_two}",
        "--serving-backend=standin",
        f"--serving-results={results}",
        f"--junitxml={tmp_path / 'junit.xml'}",
        "-k",
        "no_regression",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["REGRESSED: the signatures break callers:*"])
    (gated,) = read_results(results).gated
    assert gated.verdict == "regressed"
    assert gated.command[:1] == ("pytest",)
    assert 'name="serving_gate_m" value="regressed"' in (tmp_path / "junit.xml").read_text()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--gate-baseline=m"], "should be NAME=PATH"),
        (["--gate-baseline=m=/nowhere"], "there is no such path"),
        (["--gate-baseline=m=.", "--gate-baseline=m=.."], "m is given twice"),
        (["--gate-budget=p99=20ms"], "does nothing without --gate-baseline"),
        (["--gate-baseline=m=.", "--gate-budget=p99"], "'p99' is no budget"),
        (["--gate-baseline=m=.", "--gate-tolerance=x=1"], "no metric 'x'"),
        (["--gate-baseline=m=.", "--gate-tolerance=x"], "--gate-tolerance 'x' should be a metric"),
        (["--gate-baseline=m=.", "--gate-pairs=many"], "--gate-pairs"),
        (["--gate-baseline=m=.", "--gate-pairs=0"], "--gate-pairs 0: a gate needs pairs"),
    ],
)
def test_bad_options_are_refused(run: Callable[..., pytest.RunResult], words: list[str], text: str) -> None:
    """What cannot be meant is a usage error that names the option."""
    result = run("--collect-only", *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert text in result.stderr.str()


def test_a_model_that_is_not_served_fails(run: Callable[..., pytest.RunResult], half_plus_two: Path) -> None:
    """A baseline for a model that this run does not know is told, not left out."""
    result = run(f"--model=a={half_plus_two}", f"--gate-baseline=b={half_plus_two}", "-k", "no_regression")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--gate-baseline b: this run has no path of that model (models: a)*"])
