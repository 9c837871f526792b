"""The record of one command's run, its files, and whether they can be written."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.server_options import Once
from harness.report import print_summary, write_report
from harness.results import Results, Run, check_writable
from harness.surroundings import machine, tool_versions

if TYPE_CHECKING:
    import argparse

__all__ = ["Record", "add_report_option"]


def add_report_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--report``."""
    parser.add_argument("--report", action=Once, metavar="DIR", help="write results.json, index.html, summary.md there")


class Record:
    """Begins with a command and becomes its Results."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Note the time; refuse a report that could not be written at the end.

        Raises:
            ReportError: the report's folder cannot be written.
        """
        self._began = time.monotonic()
        self._created_utc = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._command = ("tfserving-harness", *options.words)
        self._directory = options.report
        if self._directory is not None:
            for name in ("results.json", "index.html", "summary.md"):
                check_writable(Path(self._directory) / name)

    def finish(self, *, interrupted: bool = False, findings_told: bool = False, **parts: Any) -> Results:
        """Print what was found, write the report if one is wanted, and return the results.

        Args:
            interrupted: whether Ctrl-C cut it short.
            findings_told: whether each finding was printed already.
            **parts: fields of Results.
        """
        run = Run(
            created_utc=self._created_utc,
            duration_s=time.monotonic() - self._began,
            command=self._command,
            versions=tool_versions(),
            interrupted=interrupted,
        )
        results = Results(run=run, machine=machine(), **parts)
        print_summary(results, with_findings=not findings_told)
        if self._directory is not None:
            print(f"report: {write_report(results, directory=self._directory).html}")
        return results
