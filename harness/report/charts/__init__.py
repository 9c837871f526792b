"""The geometry of the report's charts: which mark goes where. The templates draw it as SVG."""

from harness.report.charts.breakdown import breakdown_chart
from harness.report.charts.forest import forest
from harness.report.charts.latency import latency_chart
from harness.report.charts.rates import rate_charts
from harness.report.charts.scale import PLOT_HEIGHT_PX, log_ticks, nice_ceiling
from harness.report.charts.timeline import CPU_HEIGHT_PX, timelines
from harness.report.charts.tradeoff import tradeoffs
from harness.report.charts.trend import TREND_HEIGHT_PX, trend_charts

__all__ = [
    "CPU_HEIGHT_PX",
    "PLOT_HEIGHT_PX",
    "TREND_HEIGHT_PX",
    "breakdown_chart",
    "forest",
    "latency_chart",
    "log_ticks",
    "nice_ceiling",
    "rate_charts",
    "timelines",
    "tradeoffs",
    "trend_charts",
]
