"""Results -> a few lines and tables for the end of a terminal session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.report import text
from harness.report.plain_table import PlainTable
from harness.report.tables import plain_tables
from harness.report.verdict import judge

if TYPE_CHECKING:
    from harness.report.verdict import Verdict
    from harness.results import Latency, Results, Throughput
    from harness.stats import Percentile

__all__ = ["print_summary"]

_STYLES = {
    "passed": "bold green",
    "failed": "bold red",
    "inconclusive": "bold yellow",
    "interrupted": "bold yellow",
    "measured": "bold blue",
    "empty": "bold yellow",
}
_SHOWN = (50.0, 99.0)
_PERCENT_NAMES = tuple(text.percent_name(percent) for percent in _SHOWN)
_CUT = "…"  # rich's end of a word that is wider than its column


def print_summary(results: Results, *, console: Console | None = None, with_findings: bool = True) -> None:
    """Print the verdict, the warnings, what failed, and the measurements.

    Args:
        results: what to print.
        console: where; standard output without one. Names and messages are printed as they are, never as markup.
        with_findings: whether to print what checks found; not if each was printed when it was found.
    """
    console = console or Console()
    verdict = judge(results)
    console.print(Text(verdict.headline, style=_STYLES[verdict.state]) + Text(f"  {verdict.lead}", style="default"))
    shown = results if with_findings else replace(results, findings=())
    for line in _lines(shown, judge(shown)):
        console.print(line)
    for plain in (_latency(results.latency), _throughput(results.throughput), *plain_tables(results)):
        if plain.rows:
            table = _table(plain)
            console.print(table if _fits(table, console) else _records(plain, console.width))


def _lines(results: Results, verdict: Verdict) -> list[Text]:
    lines = [_plain(line) for each in results.gated for line in each.explanation[1:]]
    lines += [Text("! ", style="bold yellow") + _plain(warning) for warning in verdict.warnings]
    failures = results.tests.failures if results.tests else ()
    lines += [_failed(each.node_id, each.error) for each in failures]
    lines += [
        _failed(f"{each.check} of {each.model}, {each.subject}", f"expected {each.expected}; seen {text.seen(each)}")
        for each in results.findings
        if each.fails
    ]
    return lines


def _latency(rows: tuple[Latency, ...]) -> PlainTable:
    return PlainTable(
        title="Latency",
        slug="latency",
        head=("Request", "API", "Samples", "Mean", *_PERCENT_NAMES),
        rows=tuple(
            (
                text.request(row),
                text.api_name(row.api),
                text.count(row.n),
                text.duration(row.mean_ns),
                *_percentiles(row.percentiles),
            )
            for row in rows
        ),
    )


def _throughput(rows: tuple[Throughput, ...]) -> PlainTable:
    return PlainTable(
        title="Throughput",
        slug="throughput",
        head=("Request", "API", "In flight", "Rate", *_PERCENT_NAMES),
        rows=tuple(
            (
                text.request(row),
                text.api_name(row.api),
                text.load(row),
                text.rate(row.rate_per_s),
                *_percentiles(row.percentiles),
            )
            for row in rows
        ),
    )


def _table(plain: PlainTable) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for index, name in enumerate((plain.title, *plain.head[1:])):
        table.add_column(_plain(name), justify="right" if plain.has_numbers(index) else "left")
    for cells in plain.rows:
        table.add_row(*map(_plain, cells))
    return table


def _fits(table: Table, console: Console) -> bool:
    """Return whether a table can be printed without a word cut short; a log that is no terminal has 80 columns."""
    return not any(_CUT in segment.text for line in console.render_lines(table, pad=False) for segment in line)


def _records(plain: PlainTable, width: int) -> Text:
    """Return a table that is too wide as a few lines for each row, its cells behind their columns' names."""
    lines = [_plain(plain.title).append(":")]
    for subject, api, *cells in plain.rows:
        lines.append(Text("  ").append(_plain(subject)).append("  ").append(_plain(api)))
        named = zip(plain.head[2:], cells, strict=True)
        lines += _filled([Text(f"{name} ", style="dim").append(_plain(cell)) for name, cell in named], width)
    return Text("\n").join(lines)


def _filled(parts: list[Text], width: int) -> list[Text]:
    """Return lines, indented, of as many parts as fit into the width; none is broken."""
    lines: list[Text] = []
    for part in parts:
        if not lines or lines[-1].cell_len + 2 + part.cell_len > width:
            lines.append(Text("    ").append(part))
        else:
            lines[-1].append("  ").append(part)
    return lines


def _percentiles(percentiles: tuple[Percentile, ...]) -> list[str]:
    by_percent = {each.percent: text.percentile(each) for each in percentiles}
    return [by_percent.get(percent, text.NOTHING) for percent in _SHOWN]


def _plain(message: str) -> Text:
    return Text(text.one_line(message))


def _failed(name: str, error: str) -> Text:
    return Text("x ", style="bold red") + _plain(name) + Text("  ") + Text(text.one_line(error), style="dim")
