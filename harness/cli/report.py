"""``tfserving-harness report``: render a results.json again, as HTML or Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.server_options import Once
from harness.errors import UsageError
from harness.report import print_summary, render_html, render_markdown
from harness.results import read_results, write_whole

if TYPE_CHECKING:
    import argparse

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("report", help="render results again", description=__doc__)
    parser.add_argument("results", help="a results.json")
    parser.add_argument("--html", action=Once, help="HTML file to write")
    parser.add_argument("--markdown", action=Once, help="Markdown file to write")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    results = read_results(options.results)
    outputs = {options.html: render_html, options.markdown: render_markdown}
    if len(outputs) < 2 and options.html is not None:
        raise UsageError(f"--html and --markdown name the same file, {options.html}")
    print_summary(results)
    for path, render in outputs.items():
        if path is not None:
            print(f"written: {write_whole(render(results).encode(), Path(path))}")
    return 0
