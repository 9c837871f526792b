"""What ``--rate`` and ``--arrivals`` mean. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.load import Arrivals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FORMS", "rates", "schedule"]

_CHANGE = ("end_rate_per_s", "over_s")
_PARTS: Mapping[str, tuple[tuple[str, ...], Callable[[str], Any]]] = {
    "constant": ((), float),
    "poisson": ((), float),
    "ramp": (_CHANGE, float),
    "step": (_CHANGE, float),
    "burst": (("burst",), int),
}
FORMS = "constant, poisson, ramp:RATE:SECONDS, step:RATE:SECONDS or burst:N"


def rates(text: str, option: str) -> list[float]:
    """Return the requests a second that an option asks for, several with commas between.

    Raises:
        UsageError: something else.
    """
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 < rate <= 1e7 for rate in found):
        raise UsageError(f"{option} {text!r} should be requests a second, with commas between, e.g. {option} 500,1000")
    return found


def schedule(text: str, option: str, *, rate_per_s: float, seed: int) -> Arrivals:
    """Return the schedule of a text like ``poisson`` or ``ramp:1000:30``.

    Raises:
        UsageError: another text, or values that make no schedule.
    """
    shape, *values = text.split(":")
    names, read = _PARTS.get(shape, ((), float))
    try:
        parts = {name: read(value) for name, value in zip(names, values, strict=True)}
    except ValueError:
        parts = None
    if shape not in _PARTS or parts is None:
        raise UsageError(f"{option} {text!r} should be {FORMS}, e.g. {option} ramp:1000:30")
    try:
        return Arrivals(rate_per_s=rate_per_s, shape=shape, seed=seed, **parts)  # type: ignore[arg-type]  # a key of the table
    except UsageError as exc:
        raise UsageError(f"{option} {text!r}: {exc}") from exc
