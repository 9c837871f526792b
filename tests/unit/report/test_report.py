from __future__ import annotations

import base64
import dataclasses
import hashlib
import html.parser
import io
import json
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from harness.errors import ReportError
from harness.findings import Finding
from harness.report import append_step_summary, print_summary, render_html, render_markdown, write_report
from harness.report.charts import latency_chart, log_ticks, nice_ceiling, rate_charts
from harness.report.markdown import MOST_BYTES
from harness.report.text import clip, duration, rate, seconds, shape, size, visible
from harness.results import Failure, Outcome, read_results

if TYPE_CHECKING:
    from pathlib import Path

    from harness.results import Results

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "| a | b |\n| --- |\n# head\n* [x](javascript:alert(1)) `code` ``",
    "\x1b[31mred\x1b[0m\x07\u202eevil\u0000",
    "[bold]markup[/bold] [link=http://x.invalid]",
    "@everyone #12 ~~gone~~ <!-- ${HOME} $x$ &lt;",
    "名前 ünïcode \udc80",
]


def _all_hostile(results: Results, text: str) -> Results:
    """Put the text wherever a name or message can be."""
    assert results.backend
    finding = Finding(
        check=text,
        model=text,
        subject=text,
        passed=False,
        tried=text,
        expected=text,
        seen=text,
        reproduce=(text,),
        pictures=(dataclasses.replace(results.pictures[0], caption=text, model=text),),
    )
    tensor = dataclasses.replace(results.models[0].signatures[0].inputs[0], name=text, dtype=text)
    signature = dataclasses.replace(results.models[0].signatures[0], name=text, inputs=(tensor,), outputs=(tensor,))
    return dataclasses.replace(
        results,
        run=dataclasses.replace(results.run, command=("pytest", text), versions={text: text}),
        machine=dataclasses.replace(results.machine, cpu_model=text, kernel=text, os=text),
        backend=dataclasses.replace(
            results.backend, name=text, reason=text, image=text, image_digest=text, server_version=text, command=(text,)
        ),
        models=(dataclasses.replace(results.models[0], name=text, signatures=(signature,)),),
        tests=Outcome(failed=1, failures=(Failure(node_id=text, error=text),)),
        findings=(finding, dataclasses.replace(finding, passed=True), dataclasses.replace(finding, severity="warning")),
        latency=tuple(dataclasses.replace(row, model=text, method=text, name=text) for row in results.latency),
        throughput=tuple(
            dataclasses.replace(row, model=text, method=text, engine=text, errors={text: 1}, warnings=(text,))
            for row in results.throughput
        ),
        pictures=tuple(dataclasses.replace(each, caption=text, model=text) for each in results.pictures),
        warnings=(text,),
    )


class _Page(html.parser.HTMLParser):
    """Collects a page's elements, ids and text, and checks that elements nest."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value or "" for _, each, value in self.attributes if each == name]


def test_page_holds_everything_and_nests(results: Results) -> None:
    """The page shows the verdict, models, failures, findings, numbers and the command, in sound HTML."""
    page = _Page(render_html(results))
    for expected in (
        "Failed",
        "1 of 58 tests failed",
        "digits",
        "serving_default",
        "[?, 8, 8, 1]",
        "test_old_version_drains",
        "largest difference 0.0312",
        "tfserving-harness check build/reviews --only goldens",
        "5,240/s",
        "insufficient samples",
        "RESOURCE_EXHAUSTED",
        "predicted 7 (0.98)",
        "mean 23.5 ms, model 21.5 ms, queued 394 µs, batches of 1.37, padding 0.50",
        "pytest --model digits=build/digits",
        "no Docker engine answers",
    ):
        assert expected in page.text, expected


def test_page_puts_verdict_then_warnings_first(results: Results) -> None:
    """A reader meets the verdict, then the warnings, before anything else."""
    text = _Page(render_html(results)).text
    places = [
        text.index(word) for word in ("Failed", "5 warnings", "What was tested", "Checks", "Latency", "Throughput")
    ]
    assert places == sorted(places)


def test_page_needs_no_network(results: Results) -> None:
    """Nothing in the page refers to another place, its policy forbids it, and lets only the page's own script run."""
    content = render_html(results)
    page = _Page(content)
    (script,) = re.findall(r"<script>(.*?)</script>", content, re.DOTALL)
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{own}'" in content
    assert content.count("<script") == 1
    assert not page.tags & {"iframe", "object", "embed", "form", "base"}
    assert [tag for tag, name, _ in page.attributes if name.startswith("on")] == []
    assert all(each.startswith("data:") for each in page.values("src"))
    assert {each for each in page.values("href") if not each.startswith("#")} == {"data:,"}
    assert not re.search(r"url\(|@import|https?://", re.sub(r"http://www\.w3\.org/\S+", "", content))
    assert "default-src 'none'" in content


def test_page_is_accessible_in_structure(results: Results) -> None:
    """Language, titles, unique ids, resolved labels, alternative texts and one h1 are there."""
    content = render_html(results)
    page = _Page(content)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert set(page.values("aria-labelledby")) <= set(ids)
    assert {each[1:] for each in page.values("href") if each.startswith("#")} <= set(ids)
    assert "en" in page.values("lang")
    assert content.count("<h1") == 1
    shown = len(results.pictures) + sum(len(finding.pictures) for finding in results.findings)
    assert len(page.values("alt")) == shown > len(results.pictures)
    assert re.findall(r"<svg (?![^>]*(?:aria-label|aria-hidden))[^>]*>", content) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_does_nothing_in_the_page(results: Results, text: str) -> None:
    """Foreign text adds no element, no attribute and no unprintable character, and is still shown."""
    hostile, plain = (_Page(render_html(_all_hostile(results, each))) for each in (text, "plain"))
    assert hostile.tags == plain.tags
    assert {each[:2] for each in hostile.attributes} == {each[:2] for each in plain.attributes}
    assert visible(hostile.text) == hostile.text
    assert " ".join(visible(text).split()) in " ".join(hostile.text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_does_nothing_in_markdown(results: Results, text: str) -> None:
    """Foreign text opens no table row, HTML, link, mention or heading outside code."""
    hostile, plain = (render_markdown(_all_hostile(results, each)).splitlines() for each in (text, "plain"))
    assert len(hostile) == len(plain)
    for line, expected in zip(hostile, plain, strict=True):
        cells = re.sub(r"\\.", "", line)
        assert cells.count("|") == expected.count("|"), line
        prose = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", cells).replace("<!-- -->", "")
        assert not re.search(r"[<\[`]|^\s*(?:#[^#]|\*)", prose), line
        assert not re.search(r"[@#]\w", re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", cells)), line


@pytest.mark.parametrize("width", [40, 400])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_does_nothing_on_the_terminal(results: Results, text: str, width: int) -> None:
    """Foreign text sends no control sequence to the terminal, wide or narrow, and is not taken for markup."""
    stream = io.StringIO()
    print_summary(_all_hostile(results, text), console=Console(file=stream, width=width, color_system=None))
    assert visible(stream.getvalue()) == stream.getvalue()
    assert " ".join(visible(text).split())[:20] in " ".join(stream.getvalue().split())


def test_terminal_summary_says_what_matters(results: Results) -> None:
    """The verdict, the warnings, what failed and the numbers are printed."""
    stream = io.StringIO()
    print_summary(results, console=Console(file=stream, width=200, color_system=None))
    for expected in ("Failed", "RESOURCE_EXHAUSTED", "test_old_version_drains", "goldens of reviews", "5,240/s", "p99"):
        assert expected in stream.getvalue()


def test_a_bare_run_renders_everywhere(bare_results: Results) -> None:
    """A run that did nothing has a page, a summary and a terminal line that say so, and no empty table."""
    stream = io.StringIO()
    print_summary(bare_results, console=Console(file=stream, width=200))
    for content in (_Page(render_html(bare_results)).text, render_markdown(bare_results), stream.getvalue()):
        assert "Nothing was tested" in content
        assert "Latency" not in content


def test_markdown_stays_within_its_bound(results: Results) -> None:
    """However long the run, the summary stays below the bound and says what it left out."""
    failures = tuple(Failure(node_id=f"tests/test_{i}.py::" + "x" * 900, error="é" * 900) for i in range(3_000))
    long = dataclasses.replace(
        results,
        tests=Outcome(failed=len(failures), failures=failures),
        findings=results.findings * 900,
        warnings=tuple(f"warning {i} " + "|" * 900 for i in range(3_000)),
        models=results.models * 500,
    )
    content = render_markdown(long)
    assert len(content.encode()) < MOST_BYTES
    assert "more in index" in content
    assert "Throughput" in content
    assert "p99" in render_markdown(results)


def test_step_summary_is_appended(tmp_path: Path, results: Results) -> None:
    """What other steps wrote stays; a folder in the file's place is an error."""
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    append_step_summary(results, path)
    assert path.read_text() == "before\n" + render_markdown(results) + "\n"
    with pytest.raises(ReportError, match="GITHUB_STEP_SUMMARY"):
        append_step_summary(results, tmp_path)


def test_write_report_writes_its_three_files(tmp_path: Path, results: Results) -> None:
    """results.json, index.html and summary.md lie in the folder, and only they."""
    paths = write_report(results, directory=tmp_path / "report")
    assert sorted(each.name for each in (tmp_path / "report").iterdir()) == ["index.html", "results.json", "summary.md"]
    assert read_results(paths.results) == results
    assert paths.html.read_text() == render_html(results)
    assert paths.markdown.read_text() == render_markdown(results)


def test_a_report_made_from_the_file_is_the_same(tmp_path: Path, results: Results) -> None:
    """Rendering what was read back gives the same page: the file holds all the page shows."""
    paths = write_report(results, directory=tmp_path)
    assert render_html(read_results(paths.results)) == render_html(results)


@pytest.mark.parametrize(
    ("ns", "expected"),
    [
        (0, "0.00 ns"),
        (412, "412 ns"),
        (999.6, "1.00 µs"),
        (18_240, "18.2 µs"),
        (1_240_000, "1.24 ms"),
        (999_960_000, "1.00 s"),
        (2.5e9, "2.50 s"),
        (3.6e12, "3,600 s"),
        (None, "–"),  # noqa: RUF001 - the dash that the tables show
    ],
)
def test_durations_read_well(ns: float | None, expected: str) -> None:
    """Three significant digits in the unit that suits them."""
    assert duration(ns) == expected


def test_other_quantities_read_well() -> None:
    """Rates, sizes, spans of time and shapes have one form each."""
    assert (rate(5234.4), rate(12.34), rate(0.5)) == ("5,234/s", "12.3/s", "0.50/s")
    assert (size(318), size(16_512), size(2**31), size(None)) == ("318 B", "16.1 KiB", "2.00 GiB", "–")  # noqa: RUF001
    assert (seconds(0.42), seconds(59.96), seconds(200), seconds(7_500)) == (
        "0.4 s",
        "1 min 0 s",
        "3 min 20 s",
        "2 h 5 min",
    )
    assert (shape((None, 8)), shape(()), shape(None)) == ("[?, 8]", "[]", "any shape")
    assert clip("abcdef", 4) == "abc…"


def test_latency_axis_keeps_order_and_bounds(results: Results) -> None:
    """Marks lie within the plot and further right when slower; rows of one kind share one heading."""
    chart = latency_chart(results.latency)
    assert chart
    for track in chart.tracks:
        places = [mark.at for mark in track.marks]
        assert places == sorted(places)
        assert all(0 <= place <= 100 for place in places)
    assert [track.heads_group for track in chart.tracks] == [True, False, True, False, True]
    assert 2 <= len(chart.ticks) <= 7


def test_latency_chart_of_nothing_printable_is_none(results: Results) -> None:
    """Rows without a printable percentile make no chart, rather than an empty one."""
    few = dataclasses.replace(results.latency[0], percentiles=())
    assert latency_chart([few]) is None
    assert latency_chart([]) is None


def test_rate_chart_needs_two_levels_and_starts_at_zero(results: Results) -> None:
    """One concurrency makes no curve; twice the rate is twice as high above the base line."""
    assert rate_charts(results.throughput[:1]) == ()
    (chart,) = rate_charts(
        [dataclasses.replace(results.throughput[0], concurrency=c, rate_per_s=r) for c, r in ((1, 1000.0), (2, 2000.0))]
    )
    low, high = chart.series[0].points
    assert (170 - high.y) == pytest.approx(2 * (170 - low.y), abs=0.2)


@pytest.mark.parametrize(("low", "high"), [(1, 9), (2e3, 3e3 * 3), (1, 1e9), (5e5, 7e6)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    """Between two and seven round numbers within the range."""
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    assert all(low <= tick <= high for tick in ticks)
    assert all(str(f"{tick:e}")[0] in "1235" for tick in ticks)


@pytest.mark.parametrize(
    ("value", "ceiling"), [(1, 1), (1.1, 1.2), (2.2, 2.4), (5_240, 6_000), (0.035, 0.04), (99, 100)]
)
def test_nice_ceiling(value: float, ceiling: float) -> None:
    """The axis ends at the next round number."""
    assert nice_ceiling(value) == pytest.approx(ceiling)


def test_results_file_is_plain_json(tmp_path: Path, results: Results) -> None:
    """Any JSON reader reads results.json; its version comes first."""
    paths = write_report(results, directory=tmp_path)
    assert next(iter(json.loads(paths.results.read_text()))) == "schema_version"


def test_pictures_of_a_finding_are_with_it(results: Results) -> None:
    """A finding's pictures stand in its own place of the page; words elsewhere say that they are there."""
    caption = "expected, seen, difference (white: 0.4)"
    page = render_html(results)
    finding = page[page.index('id="check-0"') : page.index('id="check-1"')]
    assert finding.count(f'alt="{caption}"') == page.count(f'alt="{caption}"') == 1
    console = Console(file=io.StringIO(), width=400)
    print_summary(results, console=console)
    for text in (console.file.getvalue(), render_markdown(results)):  # type: ignore[attr-defined]
        assert text.count("(pictures in the HTML report) 2 of 12 differ") == 1
