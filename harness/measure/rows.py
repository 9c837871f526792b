"""Rows: what can be measured, and where each kind belongs in the results."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias, get_args, get_origin, get_type_hints

from harness.results import Breakdown, ColdStart, Latency, RateSearch, Results, Scenario, Soak, Throughput

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Row", "fields_of"]

Row: TypeAlias = Latency | Throughput | RateSearch | ColdStart | Soak | Scenario | Breakdown


def fields_of(rows: Iterable[Row]) -> dict[str, tuple[Row, ...]]:
    """Return the rows by the field of `Results` that takes them, in their order."""
    hints = get_type_hints(Results).items()
    fields = {get_args(hint)[0]: name for name, hint in hints if get_origin(hint) is tuple}
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[fields[type(row)]].append(row)
    return {field: tuple(several) for field, several in found.items()}
