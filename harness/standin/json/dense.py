"""Large regular arrays of numbers, read with NumPy instead of a Python object per value.

A request for an image or a batch is almost only digits and brackets. ``read_block`` walks such an array in chunks:
every byte gets a class, the classes' sequence is checked against the grammar, and the numbers are computed by
``digits``. It answers only when the result is certain to be what the exact reader would find; on anything
else (a string, a ragged list, an empty one, a syntax error) it declines, and the exact reader goes on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from harness.standin.json.digits import MAX_TOKEN_BYTES, Numbers, fit_doubles, read_tokens
from harness.standin.json.value import NumberBlock

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["DENSE_MIN_BYTES", "read_block"]

DENSE_MIN_BYTES = 1024
_CHUNK_BYTES = 1 << 17
_MAX_RANK = 254
_SHORTEST_BYTES = 2  # a digit and what separates it from the next

_START = re.compile(rb"[-0-9.eE+,\[\] \t\n\r]*")
_NUMBER, _OPEN, _CLOSE, _COMMA, _SPACE = range(1, 6)
_CLASS = np.zeros(256, np.uint8)
for _bytes, _class in ((b"-+.0123456789eE", _NUMBER), (b"[", _OPEN), (b"]", _CLOSE), (b",", _COMMA), (b" \t\n\r", 5)):
    _CLASS[list(_bytes)] = _class

# Which symbol may follow which (an empty array is left to the exact reader).
_FOLLOWS = np.zeros((5, 5), np.bool_)
for _before, _after in ((_OPEN, _OPEN), (_OPEN, _NUMBER), (_NUMBER, _COMMA), (_NUMBER, _CLOSE), (_COMMA, _OPEN)):
    _FOLLOWS[_before, _after] = True
for _before, _after in ((_COMMA, _NUMBER), (_CLOSE, _COMMA), (_CLOSE, _CLOSE)):
    _FOLLOWS[_before, _after] = True


class _Chunk(NamedTuple):
    """One piece of the array."""

    numbers: Numbers
    closed_before: npt.NDArray[np.uint8]  # per number: brackets closed since the number before it


def read_block(data: bytes | bytearray, start: int) -> tuple[NumberBlock | None, int]:
    """Read the array whose opening bracket is ``data[start]``.

    Returns:
        The array and the offset behind it; or None and an offset before which another attempt is pointless.
    """
    first = _START.match(data, start, start + DENSE_MIN_BYTES)
    if first is None or first.end() < start + DENSE_MIN_BYTES:
        return None, start + 1 if first is None else first.end()
    scan = _Scan(data, start)
    numbers = _Collected((len(data) - start) // _SHORTEST_BYTES + 1)
    closed: list[npt.NDArray[np.uint8]] = []
    while scan.depth or not closed:
        chunk = scan.next_chunk()
        if chunk is None or not numbers.add(chunk.numbers):
            return None, max(scan.position, start + 1)
        closed.append(chunk.closed_before)
    shape = _regular_shape(np.concatenate(closed), scan.rank)
    if shape is None:
        return None, scan.position
    values, integers = numbers.all()
    return NumberBlock(values, integers, shape), scan.position


class _Collected:
    """The chunks' numbers in one array of one type. It is made for all there could be; what is unused costs nothing."""

    def __init__(self, limit: int) -> None:
        """Start with integers, which all numbers are until the first double comes."""
        self._memory = np.empty(limit, np.int64)
        self._values: npt.NDArray[Any] = self._memory
        self._count = 0
        self._masks: list[npt.NDArray[np.bool_]] = []

    def add(self, numbers: Numbers) -> bool:
        """Take a chunk's numbers; False if a long integer would lose digits as a double."""
        values, integers = numbers
        if values.dtype == np.float64 and self._values is self._memory:
            if not fit_doubles(self._memory[: self._count]):
                return False
            self._values = self._memory.view(np.float64)
            self._values[: self._count] = self._memory[: self._count].astype(np.float64)
            self._masks = [np.ones(self._count, np.bool_)]
        if self._values is not self._memory:
            is_integer = values.dtype == np.int64
            if is_integer and not fit_doubles(values):
                return False
            self._masks.append(integers if integers is not None else np.full(len(values), is_integer))
        self._values[self._count : self._count + len(values)] = values
        self._count += len(values)
        return True

    def all(self) -> Numbers:
        """Return all numbers; nothing can be added afterwards."""
        is_double = self._values is not self._memory
        del self._values
        self._memory.resize(self._count, refcheck=False)
        if not is_double:
            return Numbers(self._memory, None)
        integers = np.concatenate(self._masks)
        return Numbers(self._memory.view(np.float64), integers if integers.any() else None)


class _Scan:
    """The walk over the chunks of one array."""

    def __init__(self, data: bytes | bytearray, start: int) -> None:
        """Start at the opening bracket."""
        self.data = data
        self.position = start
        self.depth = 0
        self.rank = 0
        self.last_symbol = _COMMA  # may be followed by the opening bracket
        self.closed = 0

    def next_chunk(self) -> _Chunk | None:
        """Read the next chunk; None where the array is not one for this reader."""
        codes = np.frombuffer(self.data, np.uint8, min(_CHUNK_BYTES, len(self.data) - self.position), self.position)
        classes = _CLASS[codes]
        size = _whole_tokens(classes, at_end=self.position + len(codes) == len(self.data))
        if size == 0:
            return None
        classes = classes[:size]
        is_number = classes == _NUMBER
        starts = is_number.copy()
        starts[1:] &= ~is_number[:-1]
        places = np.flatnonzero(starts | ((classes != _NUMBER) & (classes != _SPACE)))
        symbols = classes[places]
        end = self._follow(symbols)
        if end is None:
            self.position += size
            return None
        ends_here = end < len(symbols)
        symbols, places = symbols[:end], places[:end]
        ends = np.flatnonzero(is_number & ~np.append(is_number[1:], False)) + 1
        chunk = self._numbers(symbols, places, ends, codes[:size])
        self.position += (int(places[-1]) + 1) if ends_here or self.depth == 0 else size
        return chunk

    def _follow(self, symbols: npt.NDArray[np.uint8]) -> int | None:
        """Check the order of the symbols; return how many belong to the array (None: not for this reader)."""
        steps = np.zeros(len(symbols), np.int32)
        steps[symbols == _OPEN] = 1
        steps[symbols == _CLOSE] = -1
        depths = np.cumsum(steps) + self.depth
        closed = np.flatnonzero(depths == 0)
        end = int(closed[0]) + 1 if len(closed) else len(symbols)
        if end == 0 or symbols[:end].min() == 0:
            return None
        before = np.concatenate(([self.last_symbol], symbols[: end - 1]))
        number_depths = depths[:end][symbols[:end] == _NUMBER]
        if len(number_depths):
            self.rank = self.rank or int(number_depths[0])
        if not _FOLLOWS[before, symbols[:end]].all() or (number_depths != self.rank).any() or self.rank > _MAX_RANK:
            return None
        self.depth = int(depths[end - 1])
        self.last_symbol = int(symbols[end - 1])
        return end

    def _numbers(
        self,
        symbols: npt.NDArray[np.uint8],
        places: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
        codes: npt.NDArray[np.uint8],
    ) -> _Chunk | None:
        """Compute the chunk's numbers and the closing brackets before each."""
        is_number = symbols == _NUMBER
        starts = places[is_number]
        closed = np.cumsum(symbols == _CLOSE)
        closed_at = closed[is_number]
        closed_before = np.diff(closed_at, prepend=-self.closed).astype(np.uint8)
        self.closed = int(closed[-1] - closed_at[-1]) if len(closed_at) else self.closed + int(closed[-1])
        if not len(starts):
            return _Chunk(Numbers(np.zeros(0, np.int64), None), closed_before)
        lengths = ends[: len(starts)] - starts
        if lengths.max() > MAX_TOKEN_BYTES:
            return None
        padded = np.concatenate((codes, np.zeros(MAX_TOKEN_BYTES, np.uint8)))
        numbers = read_tokens(self.data, starts, lengths, padded, self.position)
        return None if numbers is None else _Chunk(numbers, closed_before)


def _whole_tokens(classes: npt.NDArray[np.uint8], *, at_end: bool) -> int:
    """Return how many bytes can be read now: a number may go on in the next chunk."""
    if at_end or classes[-1] != _NUMBER:
        return len(classes)
    tail = classes[-MAX_TOKEN_BYTES - 1 :]
    breaks = np.flatnonzero(tail != _NUMBER)
    return len(classes) - len(tail) + int(breaks[-1]) + 1 if len(breaks) else 0


def _regular_shape(closed_before: npt.NDArray[np.uint8], rank: int) -> tuple[int, ...] | None:
    """Return the shape if every level's arrays are equally long, else None."""
    count = len(closed_before)
    if count == 0 or rank < 1:
        return None
    expected = np.zeros(count, np.uint8)
    shape: list[int] = []
    inner = 1
    for level in range(1, rank + 1):
        closing = np.flatnonzero(closed_before >= level)
        size = int(closing[0]) if len(closing) else count
        if size % inner or count % size:
            return None
        shape.append(size // inner)
        inner = size
        expected[size::size] += 1
    return tuple(reversed(shape)) if inner == count and (expected == closed_before).all() else None
