"""The verdict on a run, and the warnings a reader must not miss. Pure: results in, words out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.report import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.results import Backend, GateVerdict, Results, Scenario, Soak, Throughput

__all__ = ["State", "Verdict", "judge"]

State = Literal["passed", "failed", "inconclusive", "interrupted", "measured", "empty"]

_MEASURED = ("latency", "throughput", "rate_searches", "cold_starts", "soaks", "scenarios", "breakdowns")
_HEADLINES: dict[State, str] = {
    "passed": "Passed",
    "failed": "Failed",
    "inconclusive": "Inconclusive",
    "interrupted": "Interrupted",
    "measured": "Measured",
    "empty": "Nothing was tested",
}
_SAME: dict[State, GateVerdict] = {"passed": "pass", "inconclusive": "inconclusive"}  # a gate's as the headline


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What to think of a run.

    Attributes:
        state: failed wins over interrupted, that over inconclusive, and that over passed; ``measured`` is a run without
            tests, checks or gate.
        headline: the state in words.
        lead: one sentence with the counts behind it.
        warnings: the run's own, and those that follow from its results.
    """

    state: State
    headline: str
    lead: str
    warnings: tuple[str, ...]


def judge(results: Results) -> Verdict:
    """Return the verdict on a run."""
    state = _state(results)
    warnings = tuple(dict.fromkeys((*results.warnings, *_derived_warnings(results))))
    return Verdict(state=state, headline=_HEADLINES[state], lead=_lead(results, state), warnings=warnings)


def _state(results: Results) -> State:
    if (results.tests and results.tests.failed) or any(each.fails for each in results.findings):
        return "failed"
    bad_rows = any(_is_dead(row) or row.answers_wrong for row in results.throughput)
    if bad_rows or any(each.verdict == "regressed" for each in results.gated):
        return "failed"
    if results.run.interrupted:
        return "interrupted"
    if any(each.verdict == "inconclusive" for each in results.gated):
        return "inconclusive"
    if (results.tests and results.tests.passed) or results.findings or results.gated:
        return "passed"
    return "measured" if _measured(results) else "empty"


def _measured(results: Results) -> int:
    """Return how many rows of measurements there are."""
    return sum(len(getattr(results, field)) for field in _MEASURED)


def _lead(results: Results, state: State) -> str:
    parts = [part for part in (_gates(results, state), _tests(results), _checks(results), _rows(results)) if part]
    return (". ".join(parts) or "No test ran, no check was made, nothing was measured") + "."


def _gates(results: Results, state: State) -> str:
    """Return each gate's reasons, after its own word where the headline says another."""
    word = text.GATE_WORDS[_SAME[state]] if state in _SAME else ""
    found = (each.explanation[0].removesuffix(".") for each in results.gated if each.explanation)
    lines = (line.removeprefix(f"{word}: ") for line in found)
    return ". ".join(f"{line[:1].upper()}{line[1:]}" for line in lines)


def _tests(results: Results) -> str:
    tests = results.tests
    if tests is None or not tests.total:
        return ""
    ran, skipped = tests.passed + tests.failed, f", {tests.skipped:,} skipped" if tests.skipped else ""
    if not ran:
        return f"All {text.plural(tests.skipped, 'test')} were skipped"
    if tests.failed:
        return f"{tests.failed:,} of {text.plural(ran, 'test')} failed{skipped}"
    return f"{text.plural(ran, 'test')} passed{skipped}"


def _checks(results: Results) -> str:
    if not results.findings:
        return ""
    bad = sum(each.fails for each in results.findings)
    total = text.plural(len(results.findings), "check")
    return f"{bad:,} of {total} failed" if bad else f"{total} without an error"


def _rows(results: Results) -> str:
    rows = _measured(results)
    return f"{text.plural(rows, 'measurement')} taken" if rows else ""


def _derived_warnings(results: Results) -> Iterator[str]:
    if results.run.interrupted:
        yield "The run was interrupted: what follows is what had been done by then."
    if results.tests and results.tests.skipped and not results.tests.passed + results.tests.failed:
        yield "Every test was skipped, so nothing speaks for the model or against it."
    if results.backend:
        yield from _backend_warnings(results.backend, measured=bool(_measured(results) or results.gated))
    for row in results.throughput:
        yield from _row_warnings(row)
    found: tuple[Soak | Scenario, ...] = (*results.soaks, *results.scenarios)
    for each in found:
        yield from (f"{each.model} over {text.api_name(each.api)}: {warning}" for warning in each.warnings)
    for finding in results.findings:
        if not finding.passed and finding.severity == "warning":
            yield f"{finding.check} of {finding.model}, {finding.subject}: {finding.seen or 'not as expected'}"


def _backend_warnings(backend: Backend, *, measured: bool) -> Iterator[str]:
    if backend.name != "standin":
        return
    yield "The models were served by the harness's stand-in, not by tensorflow_model_server itself." + (
        " Its latency and throughput say nothing about that server's." if measured else ""
    )


def _row_warnings(row: Throughput) -> Iterator[str]:
    load = text.load(row) if row.loop == "open" else f"at concurrency {row.concurrency}"
    where = f"{text.request(row)} over {text.api_name(row.api)} {load}"
    errors = sum(row.errors.values())
    if errors:
        codes = ", ".join(f"{number:,} {code}" for code, number in sorted(row.errors.items()))
        yield f"{where}: {errors:,} of {text.plural(row.n + errors, 'request')} failed ({codes})."
    if not row.steady:
        yield f"{where}: not steady when the measurement began."
    for warning in row.warnings:
        yield f"{where}: {warning}"


def _is_dead(row: Throughput) -> bool:
    """Whether not one request was answered."""
    return row.n == 0 and bool(row.errors)
