"""What a run leaves for its report: outcomes, findings, measurements, pictures; merged from all xdist workers."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from harness.findings import Finding
    from harness.results import (
        Backend,
        Breakdown,
        ColdStart,
        Gated,
        Latency,
        Outcome,
        Picture,
        RateSearch,
        Results,
        Scenario,
        ServedModel,
        Soak,
        Throughput,
    )

    Measured = Latency | Throughput | RateSearch | ColdStart | Soak | Scenario | Breakdown | Gated

__all__ = ["Recorder"]

# The field of Results that holds rows of a class, by the class's name: its module is imported late.
_FIELDS = {
    "Latency": "latency",
    "Throughput": "throughput",
    "RateSearch": "rate_searches",
    "ColdStart": "cold_starts",
    "Soak": "soaks",
    "Scenario": "scenarios",
    "Breakdown": "breakdowns",
    "Gated": "gated",
}


class Recorder:
    """Collects while the tests run; ``results`` makes the record of it.

    Every pytest run has one, also those that serve nothing: the results' own modules are imported when they are made.
    """

    def __init__(self, *, command: tuple[str, ...]) -> None:
        """Begin with nothing, now.

        Args:
            command: the words that started the run.
        """
        self.command = command
        self._began = time.monotonic()
        self._ended: float | None = None
        self._interrupted = False
        self._created_utc = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self.backend: Backend | None = None
        self.models: dict[str, ServedModel] = {}
        self.findings: list[Finding] = []
        self._measured: dict[str, list[Measured]] = {field: [] for field in _FIELDS.values()}
        self.pictures: list[Picture] = []
        self.warnings: list[str] = []
        self._passed: set[str] = set()
        self._skipped: set[str] = set()
        self._failures: dict[str, str] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no served model was touched, so that there is nothing to tell."""
        return not (self.models or self.findings or any(self._measured.values()))

    def measured(self, row: Measured) -> None:
        """Take a row of measurements of any kind."""
        self._measured[_FIELDS[type(row).__name__]].append(row)

    def count(self, report: pytest.TestReport) -> None:
        """Count one phase of one test; a failed phase outweighs the others."""
        if report.failed:
            self._failures.setdefault(report.nodeid, _first_line(report))
        elif report.skipped:
            self._skipped.add(report.nodeid)
        elif report.when == "call":
            self._passed.add(report.nodeid)

    def count_collection(self, report: pytest.CollectReport) -> None:
        """Count a file that could not be collected as a failure."""
        if report.failed:
            self._failures.setdefault(report.nodeid, _first_line(report))

    def end(self, *, interrupted: bool) -> None:
        """Note that the run is over."""
        self._ended = time.monotonic()
        self._interrupted = interrupted

    def results(self) -> Results:
        """Return the record of the run so far."""
        from harness.results import Results, Run
        from harness.surroundings import machine, tool_versions

        ended = time.monotonic() if self._ended is None else self._ended
        measured: dict[str, Any] = {field: tuple(rows) for field, rows in self._measured.items()}
        return Results(
            run=Run(
                created_utc=self._created_utc,
                duration_s=ended - self._began,
                command=self.command,
                versions=tool_versions(),
                interrupted=self._interrupted,
            ),
            machine=machine(),
            backend=self.backend,
            models=tuple(self.models.values()),
            tests=self._outcome(),
            findings=tuple(self.findings),
            pictures=tuple(self.pictures),
            warnings=tuple(dict.fromkeys(self.warnings)),
            **measured,
        )

    def _outcome(self) -> Outcome:
        from harness.results import Failure, Outcome

        failed = self._failures.keys()
        failures = tuple(Failure(node_id=node_id, error=error) for node_id, error in self._failures.items())
        return Outcome(
            passed=len(self._passed - failed),
            failed=len(failures),
            skipped=len(self._skipped - failed - self._passed),
            failures=failures,
        )

    def pack(self) -> str:
        """Return what this worker recorded as text, for the controller; outcomes reach it on their own."""
        from harness.results import to_json

        return to_json(replace(self.results(), tests=None)).decode()

    def merge(self, packed: str) -> None:
        """Add what a worker recorded."""
        from harness.results import from_json

        other = from_json(packed, source="an xdist worker's record")
        self.backend = self.backend or other.backend
        self.models.update({model.name: model for model in other.models})
        self.findings.extend(finding for finding in other.findings if finding not in self.findings)
        for field, rows in self._measured.items():
            rows.extend(getattr(other, field))
        self.pictures.extend(other.pictures)
        self.warnings.extend(other.warnings)


def _first_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the error's own line of a failed phase."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    lines = text.strip().splitlines()
    return lines[0] if lines else "(no text)"
