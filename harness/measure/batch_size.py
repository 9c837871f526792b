"""Requests of another batch size, made of the examples that the requests hold. Pure."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from harness.checks.rows import joined, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.checks.request import Request
    from harness.measure.material import Recorded

__all__ = ["with_batch_size"]


def with_batch_size(asked: Sequence[Recorded], size: int) -> list[Recorded]:
    """Return as many requests, each of so many examples.

    A request keeps its own examples as far as they go; further ones are those of the requests that follow, from the
    last on again from the first, so that real examples stand beside each other and as few as possible twice. What was
    recorded as the answer is dropped where the examples have changed.

    Args:
        asked: requests whose ``rows`` are 1 or more.
        size: examples in each, 1 or more.
    """
    groups: dict[object, list[int]] = {}
    for place, one in enumerate(asked):
        groups.setdefault((one.request.signature_name, kind_of(one.request)), []).append(place)
    found = list(asked)
    for places in groups.values():
        for place, request in zip(places, _resized([asked[place].request for place in places], size), strict=True):
            if asked[place].request.rows != size:
                found[place] = replace(asked[place], request=request, answer=None, tolerances={})
    return found


def _resized(requests: Sequence[Request], size: int) -> list[Request]:
    """Return requests of one kind with so many rows; each begins where it stands among all rows."""
    rows = [request.rows or 0 for request in requests]
    whole, total = joined(requests), sum(rows)
    starts = [0, *accumulate(rows)][:-1]
    return [
        replace(whole.take([(start + offset) % total for offset in range(size)]), source=request.source)
        for start, request in zip(starts, requests, strict=True)
    ]
