"""Results -> a Markdown summary, tables first, small enough for a CI job's summary page.

Foreign text comes in two forms only: `_code` for names and `_prose` for messages. Both leave nothing that Markdown,
HTML or a forge's own syntax (mentions, issue numbers, links) would act on.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ReportError
from harness.report import text
from harness.report.tables import plain_tables
from harness.report.verdict import judge

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from harness.findings import Finding
    from harness.report.plain_table import PlainTable
    from harness.report.verdict import Verdict
    from harness.results import Latency, Results, Throughput
    from harness.stats import Percentile

__all__ = ["MOST_BYTES", "append_step_summary", "render_markdown"]

MOST_BYTES = 64_000
_MOST_CHARACTERS = 240
_LIMITS = (100, 30, 10, 3, 1)
_ICONS = {"passed": "✅", "failed": "❌", "inconclusive": "❔", "interrupted": "⏸️", "measured": "📏", "empty": "⚠️"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$&])")
_REFERENCE = re.compile(r"([@#])(?=\w)")


def render_markdown(results: Results) -> str:
    """Return the report as Markdown, below 64,000 bytes: long tables are cut, and say so."""
    for limit in _LIMITS:
        document = "\n\n".join(_sections(results, limit)) + "\n"
        if len(document.encode()) < MOST_BYTES:
            return document
    return document.encode()[: MOST_BYTES - 64].decode(errors="ignore") + "\n\n(cut; see index.html)\n"


def append_step_summary(results: Results, path: str | os.PathLike[str]) -> None:
    """Append the Markdown report to the file that GITHUB_STEP_SUMMARY names.

    Raises:
        ReportError: the file cannot be written.
    """
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(render_markdown(results) + "\n")
    except OSError as error:
        raise ReportError(
            f"cannot append the summary to {str(path)!r}: {error.strerror}; GITHUB_STEP_SUMMARY must name a file"
        ) from error


def _sections(results: Results, limit: int) -> list[str]:
    verdict = judge(results)
    sections = (
        f"## {_ICONS[verdict.state]} {verdict.headline}",
        _prose(verdict.lead),
        *(_prose(line) for each in results.gated for line in each.explanation[1:]),
        _warnings(verdict, limit),
        _failures(results, limit),
        _findings([each for each in results.findings if not each.passed], limit),
        _latency(results.latency, limit),
        _throughput(results.throughput, limit),
        *(_plain(table, limit) for table in plain_tables(results)),
        _facts(results, limit),
    )
    return [section for section in sections if section]


def _warnings(verdict: Verdict, limit: int) -> str:
    lines = [f"> ⚠️ {_prose(warning)}" for warning in verdict.warnings[:limit]]
    return "\n>\n".join(lines) + _more(verdict.warnings, limit, before="\n>\n> ")


def _failures(results: Results, limit: int) -> str:
    failures = results.tests.failures if results.tests else ()
    rows = [(_code(each.node_id), _prose(each.error)) for each in failures[:limit]]
    return _table(("Failing test", "Error"), rows) + _more(failures, limit)


def _findings(findings: Sequence[Finding], limit: int) -> str:
    rows = [
        (
            _code(f"{each.check}: {each.model}"),
            _prose(each.subject),
            each.severity,
            _prose(each.expected),
            _prose(text.seen(each)),
        )
        for each in findings[:limit]
    ]
    return _table(("Check", "Subject", "Severity", "Expected", "Seen"), rows) + _more(findings, limit)


def _latency(latency: Sequence[Latency], limit: int) -> str:
    percents = _percents(latency)
    rows = [
        (
            _code(text.request(row)),
            text.api_name(row.api),
            text.count(row.n),
            text.duration(row.mean_ns),
            *_percentile_cells(row.percentiles, percents),
        )
        for row in latency[:limit]
    ]
    return _table(("Latency", "API", "Samples", "Mean", *map(text.percent_name, percents)), rows) + _more(
        latency, limit
    )


def _throughput(throughput: Sequence[Throughput], limit: int) -> str:
    percents = _percents(throughput)
    rows = [
        (
            _code(text.request(row)),
            text.api_name(row.api),
            text.load(row),
            text.rate(row.rate_per_s),
            *_percentile_cells(row.percentiles, percents),
            ", ".join(f"{_code(code)} {number:,}" for code, number in sorted(row.errors.items())) or "0",
        )
        for row in throughput[:limit]
    ]
    head = ("Throughput", "API", "In flight", "Rate", *map(text.percent_name, percents), "Errors")
    return _table(head, rows) + _more(throughput, limit)


def _plain(table: PlainTable, limit: int) -> str:
    rows = [(_code(row[0]), *map(_prose, row[1:])) for row in table.rows[:limit]]
    head = (table.title, *map(_prose, table.head[1:]))
    return _table(head, rows) + _more(table.rows, limit)


def _facts(results: Results, limit: int) -> str:
    machine, backend = results.machine, results.backend
    served = [f"{each.name} {', '.join(map(str, each.versions))}".strip() for each in results.models]
    rows = [("Models", ", ".join(map(_code, served[:limit])) + _more(served, limit, before=" "))] if served else []
    if backend:
        rows.append(("Backend", _prose(" ".join(filter(None, (backend.name, backend.server_version, backend.image))))))
        rows.append(("", _prose(backend.reason)))
        if backend.conformance:
            same, compared = backend.conformance_total
            told = f"{same:,} of {compared:,} recorded exchanges of the genuine server answered as it did"
            rows.append(("Conformance", _prose(told)))
        rows.extend((f"not {_prose(each.name)}", _prose(each.reason)) for each in backend.passed_over[:limit])
    rows.append(("Machine", _prose(f"{machine.cores} cores of {machine.cpu_model}, {text.size(machine.memory_bytes)}")))
    rows.append(
        ("Versions", _prose(", ".join(f"{name} {value}" for name, value in sorted(results.run.versions.items()))))
    )
    rows.append(("When", _prose(f"{results.run.created_utc}, took {text.seconds(results.run.duration_s)}")))
    rows.append(("Command", _code(text.command_line(results.run.command))))
    return _table(("Run", ""), rows)


def _percents(rows: Iterable[Latency | Throughput]) -> list[float]:
    return sorted({each.percent for row in rows for each in row.percentiles})


def _percentile_cells(percentiles: Sequence[Percentile], percents: Sequence[float]) -> list[str]:
    by_percent = {each.percent: text.percentile(each) for each in percentiles}
    return [by_percent.get(percent, text.NOTHING) for percent in percents]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _more(items: Sequence[object], limit: int, *, before: str = "\n\n") -> str:
    return f"{before}… and {len(items) - limit:,} more in index\\.html" if len(items) > limit else ""


def _prose(message: str) -> str:
    """Return a message as plain words: one line, clipped, every character that means something escaped."""
    escaped = _SPECIAL.sub(r"\\\1", text.clip(text.one_line(message), _MOST_CHARACTERS))
    return _REFERENCE.sub(r"\1<!-- -->", escaped)  # a forge links @name and #1 even when they are escaped


def _code(name: str) -> str:
    """Return a name in a code span that it cannot leave, fit for a table cell; an empty one stays visible."""
    inner = text.clip(text.one_line(name), _MOST_CHARACTERS) or " "
    longest = max((len(run) for run in re.findall("`+", inner)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if inner.startswith("`") or inner.endswith("`") else ""
    return fence + padding + inner.replace("|", "\\|") + padding + fence
