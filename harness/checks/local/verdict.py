"""Verdict: a served answer judged by what the same SavedModel answers without a server. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.checks.compare import compare
from harness.checks.rounding import widened
from harness.checks.tolerance import TOLERANCES
from harness.dtypes import dtype_of_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.checks.compare import Mismatch
    from harness.checks.tolerance import Tolerance

    Outputs = Mapping[str, np.ndarray]

__all__ = ["Verdict", "judge"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came out, output by output.

    Attributes:
        errors: outputs that are not what the model answers.
        doubts: outputs that cannot be compared, each with the reason.
        notes: outputs that are the same only with more tolerance than usual, each with the reason.
        same: the names of the outputs that are the same.
    """

    errors: tuple[Mismatch, ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


def judge(
    served: Outputs,
    local: Outputs,
    *,
    again: Outputs,
    nudged: Outputs | None = None,
    tolerances: Mapping[str, Tolerance] = TOLERANCES,
) -> Verdict:
    """Return the verdict on a served answer. NaN equals NaN here: both sides say the same then.

    Args:
        served: array by output name.
        local: what came without a server.
        again: what came without a server to the same question asked again: what differs is not deterministic.
        nudged: what came to the nudged question (``harness.checks.rounding``), None if there was none.
        tolerances: the usual ones, by dtype.
    """
    unsteady = {one.name: one.text for one in compare(again, local, equal_nan=True)}
    shaky = _shaky(local, nudged or {})
    errors: list[Mismatch] = []
    doubts, notes, same = [], [], []
    for name in sorted(served.keys() | local.keys()):
        if name in unsteady and name in served:
            doubts.append(f"{name} is not deterministic, without a server neither (e.g. {unsteady[name]})")
            continue
        pair = _only(name, served), _only(name, local)
        found = compare(*pair, tolerances=tolerances, equal_nan=True)
        wider = _wider(local, nudged or {}, name, tolerances) if found else {}
        if wider and not compare(*pair, tolerances={**tolerances, **wider}, equal_nan=True):
            notes += [f"{found[0]}, which is rounding: inputs one rounding apart move it as far" for _ in wider]
            found = []
        if found and name in shaky and name in served:
            doubts.append(f"{found[0]}, but it hangs on rounding: inputs one rounding apart bring another answer, too")
        elif found:
            errors += found
        else:
            same.append(name)
    return Verdict(errors=tuple(errors), doubts=tuple(doubts), notes=tuple(notes), same=tuple(same))


def _only(name: str, outputs: Outputs) -> Outputs:
    return {name: outputs[name]} if name in outputs else {}


def _shaky(local: Outputs, nudged: Outputs) -> set[str]:
    """Return the outputs that the nudge changes in shape, or in values that have no tolerance: numbers of a class."""
    exact = {name for name, array in local.items() if dtype_of_array(array).name not in TOLERANCES}
    changed = [one for one in compare(nudged, local, equal_nan=True) if one.name in nudged and one.name in local]
    return {one.name for one in changed if one.index is None or one.name in exact}


def _wider(local: Outputs, nudged: Outputs, name: str, tolerances: Mapping[str, Tolerance]) -> dict[str, Tolerance]:
    """Return the tolerance of an output by dtype if it is to be wider than usual, else nothing."""
    if name not in local or name not in nudged or local[name].shape != nudged[name].shape:
        return {}
    dtype = dtype_of_array(local[name]).name
    if dtype not in tolerances:
        return {}
    found = widened(tolerances, dtype, local[name], nudged[name])
    return {} if found == tolerances[dtype] else {dtype: found}
