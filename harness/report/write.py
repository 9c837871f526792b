"""write_report: the three files of a report in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.report.html import render_html
from harness.report.markdown import render_markdown
from harness.results import write_results, write_whole

if TYPE_CHECKING:
    import os

    from harness.results import Results

__all__ = ["ReportPaths", "write_report"]


@dataclass(frozen=True, kw_only=True)
class ReportPaths:
    """Where a report lies."""

    results: Path
    html: Path
    markdown: Path


def write_report(results: Results, *, directory: str | os.PathLike[str]) -> ReportPaths:
    """Write results.json, index.html and summary.md into a folder, which is made if it is missing.

    Results are written first: should rendering fail, nothing measured is lost.

    Raises:
        ReportError: the folder or a file cannot be written.
    """
    folder = Path(directory)
    return ReportPaths(
        results=write_results(results, folder / "results.json"),
        html=write_whole(render_html(results).encode(), folder / "index.html"),
        markdown=write_whole(render_markdown(results).encode(), folder / "summary.md"),
    )
