"""Where a run's record goes: the files asked for, GitHub's step summary, the terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from harness.report import render_html, render_markdown
from harness.report.markdown import append_step_summary
from harness.results import write_results, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.pytest_plugin.state import State

__all__ = ["print_record", "write_outputs"]


def write_outputs(state: State, *, interrupted: bool) -> None:
    """Write the files that were asked for, and GitHub's step summary where there is one.

    Raises:
        ReportError: a file cannot be written.
    """
    config = state.config
    results = state.recorder.results(interrupted=interrupted)
    if config.results is not None:
        write_results(results, config.results)
    if config.report is not None:
        write_whole(render_html(results).encode(), config.report)
    if config.summary is not None:
        write_whole(render_markdown(results).encode(), config.summary)
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if step_summary and not state.recorder.is_empty:
        append_step_summary(results, step_summary)


def print_record(state: State, terminalreporter: Any, environment: Mapping[str, str]) -> None:
    """Print the measurements and the paths of the files."""
    from rich.console import Console

    from harness.report import print_summary

    width = int(environment.get("COLUMNS", "0")) or terminalreporter._tw.fullwidth  # noqa: SLF001 - no public way
    console = Console(file=terminalreporter._tw._file, width=width, soft_wrap=False)  # noqa: SLF001
    terminalreporter.section("served models")
    print_summary(state.recorder.results(), console=console)
    for path in state.config.outputs:
        terminalreporter.write_line(f"written: {path}")
