"""Which rows of measurements are no success, so that the command ends with 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.results import RateSearch, Scenario, Soak, Throughput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.measure.rows import Row

__all__ = ["fails"]

_FAILS: Mapping[type, Callable[[Any], bool]] = {
    Throughput: lambda row: bool(row.errors or row.answers_wrong) or row.ended != "completed" or not row.n,
    RateSearch: lambda row: row.kept_per_s is None,
    Scenario: lambda row: not row.valid,
    Soak: lambda row: bool(row.grows or row.errors) or not row.n,
}


def fails(row: Row) -> bool:
    """Return whether a row says that something is wrong with the server, or with the measurement."""
    return type(row) in _FAILS and _FAILS[type(row)](row)
