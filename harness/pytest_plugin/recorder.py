"""What a run leaves for its report: outcomes, findings, measurements, pictures; merged from all xdist workers."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from harness.results import Failure, Outcome, Results, Run, from_json, to_json
from harness.surroundings import machine, tool_versions

if TYPE_CHECKING:
    import pytest

    from harness.findings import Finding
    from harness.results import Backend, Latency, Picture, ServedModel, Throughput

__all__ = ["Recorder"]


class Recorder:
    """Collects while the tests run; ``results`` makes the record of it."""

    def __init__(self) -> None:
        """Begin with nothing, now."""
        self._began = time.monotonic()
        self._created_utc = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self.backend: Backend | None = None
        self.models: dict[str, ServedModel] = {}
        self.findings: list[Finding] = []
        self.latency: list[Latency] = []
        self.throughput: list[Throughput] = []
        self.pictures: list[Picture] = []
        self.warnings: list[str] = []
        self._passed: set[str] = set()
        self._skipped: set[str] = set()
        self._failures: dict[str, str] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no served model was touched, so that there is nothing to tell."""
        return not (self.models or self.findings or self.latency or self.throughput)

    def count(self, report: pytest.TestReport) -> None:
        """Count one phase of one test; a failed phase outweighs the others."""
        if report.failed:
            self._failures.setdefault(report.nodeid, _first_line(report))
        elif report.skipped:
            self._skipped.add(report.nodeid)
        elif report.when == "call":
            self._passed.add(report.nodeid)

    def results(self, *, interrupted: bool = False) -> Results:
        """Return the record of the run so far."""
        failures = tuple(Failure(node_id=node_id, error=error) for node_id, error in self._failures.items())
        failed = self._failures.keys()
        outcome = Outcome(
            passed=len(self._passed - failed),
            failed=len(failures),
            skipped=len(self._skipped - failed - self._passed),
            failures=failures,
        )
        return Results(
            run=Run(
                created_utc=self._created_utc,
                duration_s=time.monotonic() - self._began,
                command=("pytest", *sys.argv[1:]),
                versions=tool_versions(),
                interrupted=interrupted,
            ),
            machine=machine(),
            backend=self.backend,
            models=tuple(self.models.values()),
            tests=outcome,
            findings=tuple(self.findings),
            latency=tuple(self.latency),
            throughput=tuple(self.throughput),
            pictures=tuple(self.pictures),
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

    def pack(self) -> str:
        """Return what this worker recorded as text, for the controller; outcomes reach it on their own."""
        return to_json(replace(self.results(), tests=None)).decode()

    def merge(self, packed: str) -> None:
        """Add what a worker recorded."""
        other = from_json(packed, source="an xdist worker's record")
        self.backend = self.backend or other.backend
        self.models.update({model.name: model for model in other.models})
        self.findings.extend(other.findings)
        self.latency.extend(other.latency)
        self.throughput.extend(other.throughput)
        self.pictures.extend(other.pictures)
        self.warnings.extend(other.warnings)


def _first_line(report: pytest.TestReport) -> str:
    """Return the error's own line of a failed phase."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    lines = text.strip().splitlines()
    return lines[0] if lines else "(no text)"
