"""Golden: a request and the answer it must bring."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from harness.checks.tolerance import TOLERANCES
from harness.dtypes import dtype_of_array
from harness.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.checks.request import Request
    from harness.checks.tolerance import Tolerance

__all__ = ["Golden", "nan_place", "usual_tolerances"]

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True, eq=False)
class Golden:
    """A request and the answer it must bring. An output that is left out is not looked at.

    Attributes:
        name: the case's name, also the file's: letters, digits, ``.``, ``-`` and ``_``.
        request: what to ask.
        outputs: array by output name, as ``ask`` returns them; no NaN, which equals nothing.
        tolerances: by dtype, of float outputs; a dtype that is missing has the usual one. All else must be equal.
        provenance: where the answer came from, e.g. backend, model version, tool versions.

    Raises:
        CheckError: a name that is no file name, a tolerance for a dtype that has none, or NaN among the outputs.
    """

    name: str
    request: Request
    outputs: Mapping[str, np.ndarray]
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an expectation that nothing could meet."""
        if not _FILE_NAME.fullmatch(self.name):
            raise CheckError(f"{self.name!r} cannot name a golden: give letters, digits, '.', '-' and '_'")
        for dtype in self.tolerances:
            if dtype not in TOLERANCES:
                raise CheckError(f"golden {self.name!r} has a tolerance for {dtype}, but only floats have tolerances")
        for name, array in self.outputs.items():
            place = nan_place(array)
            if place is not None:
                raise CheckError(
                    f"golden {self.name!r}: output {name!r} holds NaN at {place}; NaN equals nothing, so no answer"
                    " could ever match. Record the case anew with inputs that bring numbers, or leave that output out"
                )


def nan_place(array: np.ndarray) -> list[int] | None:
    """Return where an output holds NaN first, None if it holds none."""
    if dtype_of_array(array).kind not in {"float", "complex"}:
        return None
    places = np.argwhere(np.isnan(array))
    return [int(i) for i in places[0]] if len(places) else None


def usual_tolerances(outputs: Mapping[str, np.ndarray]) -> dict[str, Tolerance]:
    """Return the usual tolerance of every dtype among the outputs that has one."""
    dtypes = sorted({dtype_of_array(array).name for array in outputs.values()} & TOLERANCES.keys())
    return {name: TOLERANCES[name] for name in dtypes}
