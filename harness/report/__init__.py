"""The report of a run: results.json -> one HTML page, one Markdown summary, one table for the terminal.

A report never measures and never decides anew: it renders a `harness.results.Results`, escaping every name and
message in it, since they come from models, servers and tests of anybody's making.
"""

from harness.report.html import render_html
from harness.report.markdown import append_step_summary, render_markdown
from harness.report.terminal import print_summary
from harness.report.verdict import Verdict, judge
from harness.report.write import ReportPaths, write_report

__all__ = [
    "ReportPaths",
    "Verdict",
    "append_step_summary",
    "judge",
    "print_summary",
    "render_html",
    "render_markdown",
    "write_report",
]
