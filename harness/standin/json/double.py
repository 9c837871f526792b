"""A double in the digits that RapidJSON's own writer prints, for values echoed in error messages.

RapidJSON uses the Grisu2 algorithm (Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with
Integers", PLDI 2010): the digits read back to the same double, and are almost always the fewest that do. "Almost"
is why Python's ``repr`` is not enough. Powers of ten are computed here from exact integers.
"""

from __future__ import annotations

import math
from functools import cache

__all__ = ["double_text"]

_MASK = 2**64 - 1
_FIRST_POWER, _POWER_STEP = -348, 8
_SHORT_POWERS = 9  # beyond this many digits RapidJSON no longer corrects the last one
_MAX_PLAIN_DIGITS = 21
_MIN_PLAIN_EXPONENT = -6


def double_text(value: float) -> str:
    """Return the text of a finite double, e.g. ``0.1``, ``1e39``, ``1000.0``, ``-0.0``."""
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if value == 0:
        return sign + "0.0"
    digits, exponent = _grisu2(abs(value))
    return sign + _place(digits, exponent)


def _place(digits: str, exponent: int) -> str:
    """Set the decimal point, or an exponent, the way RapidJSON does."""
    count = len(digits)
    point = count + exponent
    if exponent >= 0 and point <= _MAX_PLAIN_DIGITS:
        return digits + "0" * exponent + ".0"
    if 0 < point <= _MAX_PLAIN_DIGITS:
        return digits[:point] + "." + digits[point:]
    if _MIN_PLAIN_EXPONENT < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1}"


def _normalise(fraction: int, exponent: int) -> tuple[int, int]:
    """Shift the fraction until its highest bit is bit 63."""
    shift = 64 - fraction.bit_length()
    return fraction << shift, exponent - shift


def _times(fraction: int, exponent: int, other: tuple[int, int]) -> tuple[int, int]:
    """Multiply two 64-bit floats, keeping the upper half rounded."""
    product = fraction * other[0]
    return (product >> 64) + (product >> 63 & 1), exponent + other[1] + 64


@cache
def _power(exponent: int) -> tuple[int, int]:
    """Return 10**exponent as a 64-bit fraction, rounded, and a binary exponent."""
    shift = 1300
    exact = 10**exponent << shift if exponent >= 0 else (1 << shift) // 10**-exponent
    excess = exact.bit_length() - 64
    rounded = (exact >> excess) + (exact >> (excess - 1) & 1)
    return _normalise(rounded, excess - shift) if rounded <= _MASK else (rounded >> 1, excess - shift + 1)


def _scaling_power(exponent: int) -> tuple[tuple[int, int], int]:
    """Return the power of ten that brings that binary exponent near -61, and its negated decimal exponent."""
    wanted = (-61 - exponent) * 0.30102999566398114 + 347
    index = (math.ceil(wanted) >> 3) + 1
    decimal = _FIRST_POWER + index * _POWER_STEP
    return _power(decimal), -decimal


def _grisu2(value: float) -> tuple[str, int]:
    """Return digits and a decimal exponent: value = digits x 10**exponent."""
    exponent = max(math.frexp(value)[1] - 53, -1074)
    fraction = int(math.ldexp(value, -exponent))
    plus = _normalise((fraction << 1) + 1, exponent - 1)
    # Below a power of two the next double is only half as far away.
    finer = 2 if fraction == 1 << 52 else 1
    minus = ((fraction << finer) - 1 << (exponent - finer - plus[1]), plus[1])
    power, decimal = _scaling_power(plus[1])
    scaled, _ = _times(*_normalise(fraction, exponent), power)
    upper, binary = _times(*plus, power)
    lower, _ = _times(*minus, power)
    return _digits(scaled, upper - 1, upper - lower - 2, -binary, decimal)


def _digits(scaled: int, upper: int, delta: int, shift: int, decimal: int) -> tuple[str, int]:
    """Generate digits of the upper bound until any number within delta would do."""
    distance = upper - scaled
    whole, part = upper >> shift, upper & ((1 << shift) - 1)
    text = str(whole)
    for kappa in range(len(text) - 1, -1, -1):
        rest = (whole % 10**kappa << shift) + part
        if rest <= delta:
            kept = text[: len(text) - kappa]
            return _closer(kept, delta, rest, 10**kappa << shift, distance), decimal + kappa
    kappa = 0
    while True:
        part *= 10
        delta = delta * 10 & _MASK
        text += str(part >> shift)
        part &= (1 << shift) - 1
        kappa += 1
        if part < delta:
            distance = distance * 10**kappa & _MASK if kappa < _SHORT_POWERS else 0
            return _closer(text.lstrip("0"), delta, part, 1 << shift, distance), decimal - kappa


def _closer(digits: str, delta: int, rest: int, unit: int, distance: int) -> str:
    """Lower the last digit while that comes closer to the value itself."""
    last = int(digits[-1])
    while (
        rest < distance
        and delta - rest >= unit
        and (rest + unit < distance or distance - rest > rest + unit - distance)
    ):
        last -= 1
        rest += unit
    return digits[:-1] + str(last)
