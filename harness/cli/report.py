"""``tfserving-harness report``: render a results.json again, as HTML or Markdown; several become a trend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.server_options import Once
from harness.errors import UsageError
from harness.report import print_summary, render_html, render_markdown
from harness.report.series import in_series
from harness.results import check_writable, read_results, write_whole

if TYPE_CHECKING:
    import argparse

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("results", nargs="+", help="a results.json; of several the newest, with how it moved since")
    parser.add_argument("--html", action=Once, help="HTML file to write")
    parser.add_argument("--markdown", action=Once, help="Markdown file to write")


def run(options: argparse.Namespace) -> int:
    """Print the results and write them in the forms asked for."""
    results = in_series([read_results(path) for path in options.results], options.results)
    outputs = [
        (Path(path), render)
        for path, render in ((options.html, render_html), (options.markdown, render_markdown))
        if path is not None
    ]
    files = [*(Path(path).resolve() for path in options.results), *(path.resolve() for path, _ in outputs)]
    repeated = [path for path in files if files.count(path) > 1]
    if repeated:
        raise UsageError(f"{repeated[0]} is named twice, and writing would replace it; name another file")
    for path, _ in outputs:
        check_writable(path)
    print_summary(results)
    for path, render in outputs:
        print(f"written: {write_whole(render(results).encode(), path)}")
    return 0
