"""Material: what a pool is made of: requests from one source, each with what is recorded of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.checks.request import Request
    from harness.checks.tolerance import Tolerance

__all__ = ["Material", "Recorded"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Recorded:
    """A request, and what is recorded of it.

    Attributes:
        request: what to ask.
        answer: the answer it brought, array by output name, see ``harness.checks.request.answer_arrays``; an output
            that is left out was not recorded. None if no answer was.
        tolerances: of that answer's float outputs, by dtype; a dtype that is missing has the usual one.
        at_s: when it arrived, in seconds from any beginning, None if that is not recorded.
    """

    request: Request
    answer: Mapping[str, np.ndarray] | None = None
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    at_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Material:
    """Requests from one source.

    Attributes:
        asked: the requests, in the order in which they are to be sent.
        source: where they come from, for people, e.g. ``the model's warm-up records``.
        notes: what could not be used, and what else the reader should know.
    """

    asked: tuple[Recorded, ...]
    source: str
    notes: tuple[str, ...] = ()
