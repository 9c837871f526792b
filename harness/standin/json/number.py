"""One JSON number, read exactly as RapidJSON reads it in its default precision.

Three things differ from a correctly rounding reader, and answers show them (behaviour items 141, 142):

- the kind of a number follows its token: without fraction and exponent it is an integer if it fits int64 or
  uint64, everything else is a double;
- a double is its leading digits times or divided by a power of ten, each step rounded. So ``1e-50`` is read as
  9.999999999999999e-51;
- the server's REST threads flush denormal results to zero, keeping the sign.
"""

from __future__ import annotations

import re

from harness.standin.json.syntax import (
    MISSING_EXPONENT,
    MISSING_FRACTION,
    NUMBER_TOO_BIG,
    VALUE_INVALID,
    JsonSyntaxError,
)

__all__ = ["POWERS_OF_TEN", "SMALLEST_NORMAL", "flush_denormal", "read_number", "scale"]

SMALLEST_NORMAL = 2.2250738585072014e-308
POWERS_OF_TEN = [float(f"1e{exponent}") for exponent in range(309)]

_PLACES = rb"(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?"
_TOKEN = re.compile(rb"(-?)(0|[1-9][0-9]*)" + _PLACES)
_BEHIND_A_WORD = re.compile(_PLACES)
_TAIL_OF_A_NUMBER = frozenset(b".eE")
_INT64_MIN, _UINT64_MAX = -(2**63), 2**64 - 1
_ALWAYS_INTEGER_DIGITS = 18
_UINT64_DIGITS = 20
_EXACT_DIGITS = 15

# RapidJSON collects digits in 64 bits while the value stays below 2**53, then in a double up to 17 digits.
_FAST_SIGNIFICAND = 2**53 - 1
_KEPT_DIGITS = 17
_LAST_TIMES_TEN = 1.7976931348623157e307
_ENDLESS_EXPONENT = 214748364

# A word is looked for letter by letter: behind a NaN that breaks off, an Infinity may still begin.
_WORD = re.compile(rb"-?(?:(?P<nan>NaN)|(?:N(?:a)?)?(?P<inf>I(?:n(?:f(?:i(?:n(?:i(?:t(?:y)?)?)?)?)?)?)?)?)")
_INFINITE = frozenset((b"Inf", b"Infinity"))


def flush_denormal(value: float) -> float:
    """Return zero of the same sign for a denormal double, else the value."""
    if -SMALLEST_NORMAL < value < SMALLEST_NORMAL:
        return value * 0.0
    return value


def scale(significand: float, exponent: int) -> float:
    """Return significand x 10**exponent in RapidJSON's one or two rounded steps."""
    if exponent < -308:
        significand = flush_denormal(significand / POWERS_OF_TEN[308])
        exponent += 308
        if exponent < -308:
            return 0.0
    if exponent < 0:
        return flush_denormal(significand / POWERS_OF_TEN[-exponent])
    return significand * POWERS_OF_TEN[exponent]


def read_number(data: bytes | bytearray, start: int) -> tuple[int | float, int]:
    """Read the number at ``data[start]``.

    Returns:
        The value (int for RapidJSON's integer kinds, float for its double) and the offset behind it.

    Raises:
        JsonSyntaxError: no number stands there, or it does not fit a double.
    """
    match = _TOKEN.match(data, start)
    if match is None:
        return _read_word(data, start)
    sign, whole, fraction, exponent = match.groups()
    _check_tail(data, match, whole, negative=bool(sign), start=start)
    if fraction is None and exponent is None:
        return _integer(sign, whole, start), match.end()
    return _double(sign, whole, fraction, exponent, start), match.end()


def _check_tail(data: bytes | bytearray, match: re.Match[bytes], whole: bytes, *, negative: bool, start: int) -> None:
    """Refuse a dot or an ``e`` behind the token that no digit follows."""
    end, (fraction, exponent) = match.end(), match.groups()[-2:]
    if end == len(data) or data[end] not in _TAIL_OF_A_NUMBER or exponent is not None:
        return
    if data[end] == 0x2E and fraction is not None:
        return
    if len(whole) > _UINT64_DIGITS:
        _big_whole(whole, negative=negative, start=start)  # too many digits are noticed before what follows them
    if data[end] == 0x2E:
        raise JsonSyntaxError(MISSING_FRACTION, end + 1)
    signed = data[end + 1 : end + 2] in (b"+", b"-")
    raise JsonSyntaxError(MISSING_EXPONENT, end + 1 + signed)


def _double(sign: bytes, whole: bytes, fraction: bytes | None, exponent: bytes | None, start: int) -> float:
    """Return a number that has decimal places, an exponent or both."""
    significand, places = _significand(whole, fraction or b"", negative=bool(sign), start=start)
    power = 0 if exponent is None else _exponent(exponent, places, start)
    value = scale(significand, power - places)
    return -value if sign else value


def _read_word(data: bytes | bytearray, start: int) -> tuple[float, int]:
    """Read NaN, Inf or Infinity; anything else is no value, reported where it stops being one.

    Decimal places or an exponent behind a word are those of a zero, and the word is forgotten.
    """
    word = _WORD.match(data, start)
    assert word is not None  # noqa: S101 - the pattern matches everywhere, also nothing
    if word["nan"] is None and word["inf"] not in _INFINITE:
        raise JsonSyntaxError(VALUE_INVALID, word.end())
    sign = b"-" if word.group().startswith(b"-") else b""
    behind = _BEHIND_A_WORD.match(data, word.end())
    assert behind is not None  # noqa: S101 - the pattern matches everywhere, also nothing
    _check_tail(data, behind, b"0", negative=bool(sign), start=start)
    if behind.end() > word.end():
        fraction, exponent = behind.groups()
        return _double(sign, b"0", fraction, exponent, start), behind.end()
    if word["nan"] is not None:
        return float("nan"), word.end()
    return float("-inf" if sign else "inf"), word.end()


def _integer(sign: bytes, whole: bytes, start: int) -> int | float:
    """Return an integer if it fits 64 bits, else the double that RapidJSON makes of it."""
    if len(whole) <= _ALWAYS_INTEGER_DIGITS:
        return int(sign + whole)
    # int() of a hostile number of digits is slow and limited: 20 digits are enough to know.
    if len(whole) <= _UINT64_DIGITS:
        value = int(sign + whole)
        if _INT64_MIN <= value <= _UINT64_MAX:
            return value
    magnitude = _big_whole(whole, negative=bool(sign), start=start)
    return -magnitude if sign else magnitude


def _limit(*, negative: bool) -> int:
    """Return the largest magnitude that RapidJSON's integer kinds hold for that sign."""
    return 2**63 if negative else _UINT64_MAX


def _big_whole(whole: bytes, *, negative: bool, start: int) -> float:
    """Return the double of an integer beyond 64 bits, rounded digit by digit."""
    limit = _limit(negative=negative)
    cut = 19 if int(whole[:19]) <= limit else 18
    if len(whole) > cut and int(whole[: cut + 1]) <= limit:
        cut += 1
    value = float(int(whole[:cut]))
    for digit in whole[cut:]:
        if value >= _LAST_TIMES_TEN:
            raise JsonSyntaxError(NUMBER_TOO_BIG, start)
        value = value * 10.0 + (digit - 48)
    return value


def _significand(whole: bytes, fraction: bytes, *, negative: bool, start: int) -> tuple[float, int]:
    """Return the digits as a double, and how many of them were decimal places."""
    if len(whole) + len(fraction) <= _EXACT_DIGITS:
        return float(int(whole + fraction)), len(fraction)
    if len(whole) > _ALWAYS_INTEGER_DIGITS and (len(whole) > _UINT64_DIGITS or int(whole) > _limit(negative=negative)):
        # 17 digits are kept already: the decimal places are dropped.
        return _big_whole(whole, negative=negative, start=start), 0
    kept = int(whole)
    digits = len(whole) - 1
    taken = 0
    for digit in fraction:
        if kept > _FAST_SIGNIFICAND:
            break
        kept = kept * 10 + (digit - 48)
        taken += 1
        digits += kept != 0
    value, places = _longer(float(kept), digits, fraction[taken:])
    return value, places + taken


def _longer(value: float, digits: int, fraction: bytes) -> tuple[float, int]:
    """Add further decimal places until 17 digits are kept; the rest is dropped."""
    places = 0
    for digit in fraction:
        if digits >= _KEPT_DIGITS:
            break
        value = value * 10.0 + (digit - 48)
        places += 1
        digits += value > 0.0
    return value, places


def _exponent(token: bytes, places: int, start: int) -> int:
    """Return the written exponent; too large a positive one is refused, even behind a zero, too small a one is cut."""
    negative = token.startswith(b"-")
    digits = token.lstrip(b"+-").lstrip(b"0")[:12]
    value = int(digits) if digits else 0
    if negative:
        return -min(value, _ENDLESS_EXPONENT)
    if value > 308 + places:
        raise JsonSyntaxError(NUMBER_TOO_BIG, start)
    return value
