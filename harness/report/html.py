"""Results -> one HTML page that needs nothing else: no network, its styles, pictures and small script inside it.

Without the script all is there; with it tables sort, and light and dark can be changed.

Every value passes Jinja's escaping and `text.visible` on its way in; the page forbids itself any outside source by
its Content-Security-Policy.
"""

from __future__ import annotations

import base64
from datetime import datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from harness.report import charts, text
from harness.report.tables import plain_tables, split_breakdowns
from harness.report.templating import environment, source_hash
from harness.report.verdict import judge

if TYPE_CHECKING:
    import jinja2

    from harness.results import Latency, Picture, Results, Throughput

__all__ = ["render_html"]


def render_html(results: Results) -> str:
    """Return the report as one self-contained HTML page."""
    return _environment().get_template("report.html.j2").render(_context(results))


def _context(results: Results) -> dict[str, Any]:
    return {
        "results": results,
        "run": results.run,
        "verdict": judge(results),
        "created": datetime.fromisoformat(results.run.created_utc.replace("Z", "+00:00")),
        "bad_findings": [each for each in results.findings if not each.passed],
        "good_findings": [each for each in results.findings if each.passed],
        "latency_chart": charts.latency_chart(results.latency),
        "latency_percents": _percents(results.latency),
        "rate_charts": charts.rate_charts(results.throughput),
        "plot_height": charts.PLOT_HEIGHT_PX,
        "rate_percents": _percents(results.throughput),
        "plain_tables": plain_tables(results),
        "forests": [chart for each in results.gated if (chart := charts.forest(each))],
        "tradeoffs": charts.tradeoffs(results.throughput, results.rate_searches),
        "timelines": charts.timelines(results.throughput),
        "cpu_height": charts.CPU_HEIGHT_PX,
        "trend_charts": charts.trend_charts(results.trends),
        "trend_height": charts.TREND_HEIGHT_PX,
        "breakdown_charts": {
            kind: charts.breakdown_chart(rows) for kind, rows in split_breakdowns(results.breakdowns).items()
        },
        "script": Markup(_script()),  # noqa: S704 - our own file
        "script_hash": source_hash(_script()),
    }


def _percents(rows: tuple[Latency, ...] | tuple[Throughput, ...]) -> list[float]:
    """Return every percentile that any of the rows has, rising: the table's columns."""
    return sorted({each.percent for row in rows for each in row.percentiles})


@cache
def _script() -> str:
    """Return what makes tables sortable and the theme changeable; the page is whole without it."""
    return resources.files("harness.report").joinpath("templates").joinpath("report.js").read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    made = environment("harness.report")
    made.globals.update({name: getattr(text, name) for name in text.__all__}, picture_source=_picture_source)
    return made


def _picture_source(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")
