"""``tfserving-harness gate``: its options, exit codes and report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.example_models import exported
from harness.cli import gate
from harness.gate.run import GateOutcome
from harness.results import Backend, Gated, MetricRatio, read_results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asks of the gate, which answers at once with ``asked["verdict"]``."""
    seen: dict[str, Any] = {"verdict": "pass"}

    def run_gate(baseline: Any, candidate: Any, options: Any, *, on_pair: Any, **more: Any) -> GateOutcome:
        seen.update(baseline=baseline, candidate=candidate, options=options, **more)
        gated = Gated(
            model=baseline.name,
            baseline=baseline.label,
            candidate=candidate.label,
            api=options.api,
            verdict=seen["verdict"],
            metrics=seen.get("metrics", ()),
            explanation=(f"{seen['verdict'].upper()}: told.", "Sure.", "Again: so"),
        )
        del on_pair
        backend, interrupted = Backend(name="standin", reason="r"), seen.get("interrupted", False)
        return GateOutcome(gated=gated, findings=(), backend=backend, blocks=(), interrupted=interrupted)

    monkeypatch.setattr(gate, "run_gate", run_gate)
    return seen


@pytest.mark.parametrize(
    ("verdict", "code", "told"),
    [
        ("pass", 0, "Passed  Told"),
        ("improved", 0, "Passed  IMPROVED: told"),
        ("regressed", 1, "Failed  REGRESSED: told"),
        ("inconclusive", 2, "Inconclusive  Told"),
    ],
)
def test_exit_code_is_the_verdict(
    cli: Callable[..., Any], asked: dict[str, Any], tmp_path: Path, verdict: str, code: int, told: str
) -> None:
    """0 for a pass, 1 for a regression, 2 for neither; the explanation is printed, and the report has it all."""
    asked["verdict"] = verdict
    ended = cli("gate", "--baseline", "a/m", "--candidate", "b/m", "--report", tmp_path)
    assert ended.code == code, ended.out + ended.err
    assert told in ended.out
    assert "Again: so" in ended.out
    (gated,) = read_results(tmp_path / "results.json").gated
    assert gated.verdict == verdict
    assert told.partition("  ")[2] in (tmp_path / "summary.md").read_text()


def test_ctrl_c_reports_what_there_was(cli: Callable[..., Any], asked: dict[str, Any], tmp_path: Path) -> None:
    """It ends with 130, the report says that it was cut short, and the history gets no half run."""
    asked.update(verdict="inconclusive", interrupted=True)
    words = ("--baseline", "a/m", "--candidate", "b/m", "--report", tmp_path, "--store", tmp_path / "history")
    ended = cli("gate", *words)
    assert ended.code == 130, ended.out + ended.err
    results = read_results(tmp_path / "results.json")
    assert (results.run.interrupted, len(results.gated)) == (True, 1)
    assert not (tmp_path / "history").exists()


def test_options_reach_the_gate(cli: Callable[..., Any], asked: dict[str, Any]) -> None:
    """Both sides, how to measure and how to judge are what was typed."""
    words = "--baseline a/m/1 --candidate b/m --candidate-arg=--enable_batching --baseline-env X=1 --arg=--flag"
    words += " --api rest --rate 50 --pairs 8 --starts 2 --block 2 --slice 0.5"
    words += " --tolerance p50_ns=10% --tolerance cpu_us=0.2"
    ended = cli("gate", *words.split(), "--budget", "p99=20ms", "--backend", "standin")
    assert ended.code == 0, ended.err
    baseline, candidate, options = asked["baseline"], asked["candidate"], asked["options"]
    assert (baseline.name, candidate.name, candidate.args) == ("m", "m", ("--enable_batching",))
    assert (baseline.environment, asked["args"], asked["backend"]) == ({"X": "1"}, ("--flag",), "standin")
    assert (options.api, options.rate_per_s, options.block_s, options.slice_s) == ("rest", 50.0, 2.0, 0.5)
    assert (options.plan.pairs, options.plan.most_pairs, options.plan.starts) == (8, 20, 2)
    assert options.tolerances == {"p50_ns": 0.1, "cpu_us": 0.2}
    assert [str(budget) for budget in options.budgets] == ["p99 <= 20.0 ms"]


def test_one_path_serves_both_sides(cli: Callable[..., Any], asked: dict[str, Any]) -> None:
    """Where the sides differ by their image, one path is enough, and an image asks for containers."""
    ended = cli("gate", "a/m", "--baseline-image", "serving:1", "--candidate-image", "serving:2")
    assert ended.code == 0, ended.err
    assert [str(asked[side].path) for side in ("baseline", "candidate")] == ["a/m", "a/m"]
    assert [asked[side].image for side in ("baseline", "candidate")] == ["serving:1", "serving:2"]
    assert asked["backend"] == "container"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("", "nothing to serve as the baseline"),
        ("--baseline a", "nothing to serve as the candidate"),
        ("a --tolerance fast", "--tolerance 'fast' should be a metric and a share"),
        ("a --budget p99", "'p99' is no budget"),
        ("a --rate often", "--rate 'often' should be a number"),
        ("a --contract none.json", "--contract none.json: there is no such path"),
        ("a --pairs 0", "should be a whole number above 0"),
        ("a --pairs 4 --most-pairs 5", "--most-pairs 5 with --pairs 4: a verdict takes at least 6"),
        ("a --block soon", "--block 'soon'"),
        ("a --slice 0", "--slice '0'"),
        ("a --baseline-env X", "--baseline-env"),
    ],
)
def test_bad_usage_cannot_run(cli: Callable[..., Any], asked: dict[str, Any], words: str, text: str) -> None:
    """Options that make no sense end with 3 and name the option."""
    ended = cli("gate", *words.split())
    assert ended.code == 3
    assert text in ended.err
    assert "options" not in asked


def test_it_runs_on_real_servers(cli: Callable[..., Any]) -> None:
    """A candidate that breaks the baseline's callers ends with 1 and says which input is missing."""
    ended = cli(
        "gate", "--baseline", exported("half_plus_two"), "--candidate", exported("digits"), "--backend", "standin"
    )
    assert ended.code == 1, ended.err
    assert "REGRESSED: the signatures break callers" in ended.out


def test_history_is_kept_and_shown(cli: Callable[..., Any], asked: dict[str, Any], tmp_path: Path) -> None:
    """With --store each run adds to the model's history, and the report shows the trend."""
    row = MetricRatio(
        metric="cpu_us",
        title="server CPU per request",
        unit="us",
        lower_is_better=True,
        baseline=400.0,
        candidate=440.0,
        ratio=1.1,
        tolerance=0.05,
        floor=0.0,
        pairs=12,
        verdict="pass",
    )
    asked["metrics"] = (row,)
    words = ("gate", "--baseline", "a/m", "--candidate", "b/m", "--store", tmp_path / "kept", "--report", tmp_path)
    for _ in range(2):
        assert cli(*words).code == 0
    (trend,) = read_results(tmp_path / "results.json").trends
    assert [point.value for point in trend.points] == [440.0, 440.0]
    assert all(point.comparable for point in trend.points)
    assert (tmp_path / "kept" / "m" / "grpc-c4.json").is_file()
