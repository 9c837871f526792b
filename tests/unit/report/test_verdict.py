"""The verdict on a run: its state, the sentence behind it, and its warnings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from harness.report import judge
from harness.results import Outcome

if TYPE_CHECKING:
    from harness.report import Verdict
    from harness.results import Results


def _verdict(results: Results, **changes: Any) -> Verdict:
    return judge(dataclasses.replace(results, **changes))


def test_verdict_states(results: Results, bare_results: Results) -> None:
    """Failing tests, failing checks or a row without an answer fail; the rest follows from what was done."""
    quiet = {"tests": Outcome(passed=3), "findings": (), "throughput": results.throughput[:1], "gated": ()}
    regressed, settled = results.gated, [dataclasses.replace(results.gated[0], verdict="inconclusive")]
    interrupted = dataclasses.replace(results.run, interrupted=True)
    dead = dataclasses.replace(results.throughput[0], n=0, errors={"UNAVAILABLE": 8})
    assert judge(results).state == "failed"
    assert judge(bare_results).state == "empty"
    assert _verdict(results, **quiet).state == "passed"
    assert _verdict(results, **quiet | {"findings": results.findings[2:3]}).state == "failed"
    assert _verdict(results, **quiet | {"findings": results.findings[3:]}).state == "passed"
    assert _verdict(results, **quiet | {"throughput": (dead,)}).state == "failed"
    assert _verdict(results, **quiet, run=interrupted).state == "interrupted"
    assert _verdict(results, run=interrupted).state == "failed"
    assert _verdict(results, **quiet | {"gated": regressed}).state == "failed"
    assert _verdict(results, **quiet | {"gated": settled}).state == "inconclusive"
    assert _verdict(results, **quiet | {"tests": None}).state == "measured"
    assert _verdict(bare_results, tests=Outcome(skipped=2)).state == "empty"


@pytest.mark.parametrize(
    ("decided", "said", "headline", "lead"),
    [
        ("pass", "PASS: median +0.1 %.", "Passed", "Median +0.1 %. 3 tests passed."),
        ("inconclusive", "INCONCLUSIVE: median +4.1 %.", "Inconclusive", "Median +4.1 %. 3 tests passed."),
        ("improved", "PASS, IMPROVED: median -9.2 %.", "Passed", "PASS, IMPROVED: median -9.2 %. 3 tests passed."),
        ("regressed", "REGRESSED: median +9.2 %.", "Failed", "REGRESSED: median +9.2 %. 3 tests passed."),
    ],
)
def test_the_gates_word_is_told_where_the_headline_is_another(
    results: Results, bare_results: Results, decided: str, said: str, headline: str, lead: str
) -> None:
    """``Inconclusive`` is not told twice; that a run failed since the gate regressed is told."""
    gated = dataclasses.replace(results.gated[0], verdict=decided, explanation=(said,))
    verdict = _verdict(bare_results, tests=Outcome(passed=3), gated=(gated,))
    assert (verdict.headline, verdict.lead) == (headline, lead)


def test_verdict_warns_of_what_makes_numbers_doubtful(results: Results) -> None:
    """The stand-in, errors under load, an unsteady start and an interruption are each told."""
    assert results.backend
    backend = dataclasses.replace(results.backend, name="standin")
    verdict = _verdict(results, backend=backend, run=dataclasses.replace(results.run, interrupted=True))
    text = "\n".join(verdict.warnings)
    for expected in (
        "stand-in",
        "latency and throughput say nothing",
        "37 of 449 requests failed",
        "not steady",
        "interrupted",
    ):
        assert expected in text


def test_verdict_does_not_repeat_a_warning(results: Results) -> None:
    """The same warning from two sources is shown once."""
    text = judge(results).warnings[0]
    assert judge(dataclasses.replace(results, warnings=(text, text))).warnings.count(text) == 1
