"""Where a run's record goes: the files asked for, GitHub's step summary, JUnit's suite properties, the terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.pytest_plugin.state import State
    from harness.results import Results

__all__ = ["finish", "print_record"]


def finish(state: State, session: pytest.Session, *, interrupted: bool) -> None:
    """Write what was asked for; what cannot be written fails the run, and is said in the terminal summary."""
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if state.recorder.is_empty and not state.config.outputs:
        return
    if state.awaited:
        names = ", ".join(sorted(state.awaited))
        state.recorder.warnings.append(
            f"what these test workers had found and measured is lost, they were cut off: {names}"
        )
    state.recorder.end(interrupted=interrupted)
    results = state.recorder.results()
    _add_suite_properties(session.config, results)
    try:
        _write_files(state, results)
        if step_summary and not state.recorder.is_empty:
            from harness.report.markdown import append_step_summary

            append_step_summary(results, step_summary)
    except ReportError as exc:
        state.write_fault = str(exc)
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _write_files(state: State, results: Results) -> None:
    from harness.report import render_html, render_markdown
    from harness.results import write_results, write_whole

    config = state.config
    if config.results is not None:
        write_results(results, config.results)
    if config.report is not None:
        write_whole(render_html(results).encode(), config.report)
    if config.summary is not None:
        write_whole(render_markdown(results).encode(), config.summary)


def _add_suite_properties(config: pytest.Config, results: Results) -> None:
    """Tell the JUnit file, if one is written, what served. pytest's own fixture for that is out of a plugin's reach."""
    for plugin in config.pluginmanager.get_plugins():
        add = getattr(plugin, "add_global_property", None)
        if callable(add):
            for name, value in _suite_properties(results):
                add(name, value)


def _suite_properties(results: Results) -> Iterator[tuple[str, str]]:
    backend = results.backend
    if backend is not None:
        yield "serving_backend", backend.name
        yield "serving_backend_reason", backend.reason
        if backend.image is not None:
            yield "serving_image", " ".join(filter(None, (backend.image, backend.image_digest)))
    for model in results.models:
        yield f"serving_model_{model.name}", f"versions {', '.join(map(str, model.versions)) or 'unknown'}"
    for gated in results.gated:
        yield f"serving_gate_{gated.model}", gated.verdict
    for tool, version in results.run.versions.items():
        yield f"version_{tool}", version


def print_record(state: State, terminalreporter: Any) -> None:
    """Print the measurements and the paths of the files."""
    if not state.recorder.is_empty:
        from rich.console import Console

        from harness.report import print_summary

        writer = terminalreporter._tw  # noqa: SLF001 - no public way to its file and width
        terminalreporter.section("served models")
        console = Console(file=writer._file, width=writer.fullwidth, soft_wrap=False)  # noqa: SLF001 - as above
        print_summary(state.recorder.results(), console=console)
    for finding in state.recorder.findings:
        if finding.check in state.config.checks.writing:
            terminalreporter.write_line(f"{finding.check} of {finding.model}: {finding.subject}: {finding.seen}")
    if state.write_fault is not None:
        terminalreporter.write_line(f"ERROR: {state.write_fault}", red=True)
        return
    for path in state.config.outputs:
        terminalreporter.write_line(f"written: {path}")
