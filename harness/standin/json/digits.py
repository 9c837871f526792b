"""Many number tokens at once: the arithmetic of ``number`` over columns of characters.

All tokens of a chunk are walked in step: character 0 of every token, then character 1, and so on. Each step does
for thousands of tokens what RapidJSON's loop does for one, in the same order of roundings, so the results are the
same bits. Tokens that need more than digits, a sign and a dot are left to ``number``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from harness.standin.json.number import POWERS_OF_TEN, read_number
from harness.standin.json.syntax import JsonSyntaxError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MAX_TOKEN_BYTES", "Numbers", "fit_doubles", "read_tokens"]

MAX_TOKEN_BYTES = 32
_FAST_SIGNIFICAND = 2**53 - 1
_KEPT_DIGITS = 17
_MAX_WHOLE_DIGITS = 18
_POWERS = np.array(POWERS_OF_TEN[: MAX_TOKEN_BYTES + 1])


class Numbers(NamedTuple):
    """Some numbers: int64 if all were integer tokens, else float64 with the mask of the integers among them."""

    values: npt.NDArray[Any]
    integers: npt.NDArray[np.bool_] | None


class _Columns:
    """What is known of each token while its characters are walked."""

    def __init__(self, count: int) -> None:
        """Start before the first character."""
        self.kept = np.zeros(count, np.int64)
        self.dot = np.full(count, -1, np.int8)
        self.nonzero_digits = np.zeros(count, np.int8)
        self.places = np.zeros(count, np.int8)
        self.left_over = np.zeros(count, np.int8)
        self.next_two = np.zeros((2, count), np.uint8)
        self.hard = np.zeros(count, np.bool_)

    def take(self, index: int, code: npt.NDArray[np.uint8], *, inside: npt.NDArray[np.bool_]) -> None:
        """Account for character ``index`` of every token (``inside``: the tokens that are that long)."""
        digit = code - np.uint8(48)
        is_digit = (digit <= 9) & inside
        others = inside & ~is_digit
        if others.any():
            self._take_others(index, code, others)
        in_fraction = self.dot >= 0
        full = in_fraction & (self.kept > _FAST_SIGNIFICAND)
        if full.any():
            self._take_left_over(digit, is_digit & full)
            is_digit &= ~full
        np.copyto(self.kept, self.kept * 10 + digit, where=is_digit)
        self.places += is_digit & in_fraction
        self.nonzero_digits += is_digit & (self.kept != 0)

    def _take_others(self, index: int, code: npt.NDArray[np.uint8], others: npt.NDArray[np.bool_]) -> None:
        """Note the dots; what is neither a dot nor a leading minus makes its token a hard one."""
        dots = others & (code == 0x2E)
        self.hard |= dots & (self.dot >= 0)
        self.dot[dots] = index
        others &= ~dots
        if index == 0:
            others &= code != 0x2D
        self.hard |= others

    def _take_left_over(self, digit: npt.NDArray[np.uint8], where: npt.NDArray[np.bool_]) -> None:
        """Remember the first two digits behind a full significand: RapidJSON may still use them."""
        for place in (0, 1):
            np.copyto(self.next_two[place], digit, where=where & (self.left_over == place))
        self.left_over += where & (self.left_over < 2)

    def doubles(self, whole_digits: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the values, unsigned, as RapidJSON computes them for tokens with a dot."""
        value = self.kept.astype(np.float64)
        # RapidJSON does not count the first digit of the whole part, unless that is a lone zero.
        started_whole = self.nonzero_digits >= whole_digits + self.places
        counted = self.nonzero_digits - started_whole
        for place in (0, 1):
            more = (self.left_over > place) & (counted < _KEPT_DIGITS)
            if not more.any():
                break
            np.copyto(value, value * 10.0 + self.next_two[place], where=more)
            self.places += more
            counted += more
        value /= _POWERS[self.places]
        return value


def read_tokens(
    data: bytes | bytearray,
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    codes: npt.NDArray[np.uint8],
    base: int,
) -> Numbers | None:
    """Return the numbers of the tokens, or None if one of them is not a number that fits this form.

    Args:
        data: the document.
        starts: start of each token in ``codes``.
        lengths: length of each token, at most MAX_TOKEN_BYTES.
        codes: a piece of the document, followed by MAX_TOKEN_BYTES of anything.
        base: offset of that piece in the document.
    """
    columns = _Columns(len(starts))
    for index in range(int(lengths.max())):
        columns.take(index, codes[starts + index], inside=lengths > index)
    negative = codes[starts] == 0x2D
    has_dot = columns.dot >= 0
    whole_digits = np.where(has_dot, columns.dot, lengths) - negative
    hard = columns.hard | (whole_digits < 1) | (whole_digits > _MAX_WHOLE_DIGITS) | (columns.dot == lengths - 1)
    hard |= (whole_digits > 1) & (codes[starts + negative] == 0x30)
    hard_values = _read_hard(data, starts + base, lengths, hard)
    if hard_values is None:
        return None
    integers = np.where(negative, -columns.kept, columns.kept)
    if not has_dot.any() and all(type(value) is int for _, value in hard_values):
        for index, value in hard_values:
            integers[index] = value
        return Numbers(integers, None)
    return _mixed(columns, integers, has_dot, hard_values, whole_digits, negative)


def _mixed(
    columns: _Columns,
    integers: npt.NDArray[np.int64],
    has_dot: npt.NDArray[np.bool_],
    hard_values: list[tuple[int, int | float]],
    whole_digits: npt.NDArray[np.int64],
    negative: npt.NDArray[np.bool_],
) -> Numbers | None:
    """Return the numbers of a chunk that holds doubles."""
    values = columns.doubles(whole_digits)
    np.negative(values, out=values, where=negative)
    is_integer = ~has_dot
    np.copyto(values, integers, where=is_integer)
    for index, value in hard_values:
        values[index] = value
        is_integer[index] = type(value) is int
    if not is_integer.any():
        return Numbers(values, None)
    if not fit_doubles(values[is_integer]):
        return None
    return Numbers(values, is_integer)


def fit_doubles(integers: npt.NDArray[Any]) -> bool:
    """Tell whether doubles keep all digits of the integers."""
    return len(integers) == 0 or max(-int(integers.min()), int(integers.max())) <= _FAST_SIGNIFICAND


def _read_hard(
    data: bytes | bytearray, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], hard: npt.NDArray[np.bool_]
) -> list[tuple[int, int | float]] | None:
    """Read the marked tokens one by one; None if one is no number or an integer beyond int64."""
    found: list[tuple[int, int | float]] = []
    for index in hard.nonzero()[0].tolist():
        start = int(starts[index])
        try:
            value, end = read_number(data, start)
        except JsonSyntaxError:
            return None
        if end != start + int(lengths[index]) or (type(value) is int and not -(2**63) <= value < 2**63):
            return None
        found.append((index, value))
    return found
