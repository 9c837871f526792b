"""Results that are tables and nothing else, in every form of the report."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from harness.report import print_summary, render_html, render_markdown
from harness.report.tables import plain_tables

if TYPE_CHECKING:
    from harness.results import Results

# A cell of each kind's row of the realistic run.
CELLS = {
    "gate": "+11.2 %",
    "trends": "+5.0 %",
    "rate-searches": "p99 ≤ 20.0 ms",
    "cold-starts": "8.50 ms",
    "soaks": "12.0 MiB (10.3 MiB to 13.7 MiB)",
    "scenarios": "712,345",
    "breakdowns": "500 µs",
    "pipelines": "4.10 ms",
}


def test_each_kind_has_a_table(results: Results) -> None:
    """A run with rows of every kind gets all tables, each row as many cells as there are columns."""
    tables = plain_tables(results)
    assert [table.slug for table in tables] == list(CELLS)
    for table in tables:
        assert {len(cells) for cells in table.rows} == {len(table.head)}
        assert CELLS[table.slug] in table.rows[0]


def test_no_rows_no_tables(bare_results: Results) -> None:
    """A run that measured nothing has none of them."""
    assert plain_tables(bare_results) == ()


@pytest.mark.parametrize("slug", CELLS)
def test_every_form_shows_it(results: Results, slug: str) -> None:
    """The page, the Markdown and the terminal show the title and a number of each kind."""
    (table,) = (each for each in plain_tables(results) if each.slug == slug)
    terminal = Console(file=io.StringIO(), width=250)
    print_summary(results, console=terminal)
    for form in (render_html(results), render_markdown(results), terminal.file.getvalue()):  # type: ignore[attr-defined]
        assert table.title in form
        assert CELLS[slug].split(" (")[0] in form


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_word_is_broken_in_a_narrow_terminal(results: Results, width: int) -> None:
    """A log has 80 columns: no line is longer, and each word of each cell is there whole."""
    terminal = Console(file=io.StringIO(), width=width)
    print_summary(results, console=terminal)
    printed = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, printed.splitlines())) <= width
    assert "…" not in printed
    words = {word for table in plain_tables(results) for row in table.rows for cell in row for word in cell.split()}
    assert words <= set(printed.split())


def test_a_long_name_is_not_cut(results: Results) -> None:
    """A model's name as long as half the line stays whole in the tables of latency and throughput, too."""
    name = "retail_product_detector_quantized_2031_03_final"
    terminal = Console(file=io.StringIO(), width=80)
    print_summary(replace(results, latency=(replace(results.latency[0], model=name),), throughput=()), console=terminal)
    printed = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert f"  {name} · predict · batch 1  gRPC" in printed
    assert "Samples 6,000  Mean 712 µs" in printed


def test_growing_memory_and_invalid_scenarios_are_warned_of(results: Results) -> None:
    """What lessens a soak or a scenario stands among the warnings."""
    page = render_markdown(replace(results, findings=(), throughput=()))
    assert "digits over gRPC: memory grows by 12 MiB an hour" in page
    assert "digits over gRPC: the run was shorter than the minimum duration" in page


def test_columns_of_numbers_are_told_from_columns_of_words(results: Results) -> None:
    """A metric, its API and the reason for a verdict are words; values, changes and intervals are numbers."""
    (table,) = (each for each in plain_tables(results) if each.slug == "gate")
    words = [name for column, name in enumerate(table.head) if not table.has_numbers(column)]
    assert words == ["Metric", "API", "Verdict"]
