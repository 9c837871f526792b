"""The rows of a swarm as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.results import Throughput
    from harness.stats import Percentile

__all__ = ["described"]


def described(rows: Iterable[Throughput]) -> str:
    """Return the rows, errors and warnings first."""
    lines = [line for row in rows for line in _lines(row)]
    return "\n".join(["", "TensorFlow Serving, all processes together:", *(lines or ["no request was sent"]), ""])


def _lines(row: Throughput) -> list[str]:
    lines = [f"  warning: {warning}" for warning in row.warnings]
    lines += [f"  {row.api} errors: {n:,} x {code}" for code, n in row.errors.items()]
    lines.append(
        f"  {row.api} {row.method} {row.model}: {row.n:,} answers of {row.concurrency} users, {row.rate_per_s:,.1f}/s"
    )
    return [*lines, *(f"    {_text(each)}" for each in row.percentiles)]


def _text(percentile: Percentile) -> str:
    name = f"p{percentile.percent:g}"
    if percentile.value_ns is None:
        return f"{name:6} insufficient samples: {percentile.n} of {percentile.needed}"
    return f"{name:6} {percentile.value_ns / 1e6:,.3f} ms"
