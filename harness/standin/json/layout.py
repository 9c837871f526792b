"""The brackets, commas and spaces around a tensor's elements.

What stands between two neighbouring elements depends only on how many lists end there. So a layout is a handful of
separators, and a large tensor can be written piece by piece, without a text object per element at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Layout", "indented", "single_line"]

_INDENT = b"    "
_ELEMENTS_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class Layout:
    """How the elements of one shape are laid out.

    Attributes:
        shape: the levels that are written; a level without elements ends them.
        empty: whether the innermost written values are empty lists.
        begin: what precedes the first element.
        between: what stands between two elements, by the number of lists that end there.
        end: what follows the last element.
    """

    shape: tuple[int, ...]
    empty: bool
    begin: bytes
    between: tuple[bytes, ...]
    end: bytes

    @property
    def size(self) -> int:
        """How many elements there are; none in empty lists."""
        return 0 if self.empty else prod(self.shape)

    def write(self, out: bytearray, texts: Callable[[int, int], list[bytes]], *, end: bytes | None = None) -> None:
        """Append the text of a tensor.

        Args:
            out: what to append to.
            texts: returns the texts of the elements from one index to another.
            end: what the outermost list ends with in place of a bracket.
        """
        count = prod(self.shape)
        if not self.shape:
            out += b"[]" if self.empty else texts(0, 1)[0]
            return
        if count == 0:
            out += b"[]"
            return
        out += self.begin
        for start in range(0, count, _ELEMENTS_AT_ONCE):
            stop = min(start + _ELEMENTS_AT_ONCE, count)
            some = [b"[]"] * (stop - start) if self.empty else texts(start, stop)
            out += b"".join(self._lines(some, start))
            if stop < count:
                out += self.between[self._lists_ending_at(stop)]
        out += self.end if end is None else self.end[:-1] + end

    def _lines(self, some: list[bytes], start: int) -> Iterator[bytes]:
        """Go through elements, line by line, and what stands between the lines."""
        width = self.shape[-1]
        position = 0
        while position < len(some):
            line = min(width - (start + position) % width, len(some) - position)
            yield self.between[0].join(some[position : position + line])
            position += line
            if position < len(some):
                yield self.between[self._lists_ending_at(start + position)]

    def _lists_ending_at(self, index: int) -> int:
        """Return how many lists end before the element of that index."""
        inner = 1
        for ended, size in enumerate(reversed(self.shape)):
            inner *= size
            if index % inner:
                return ended
        return len(self.shape)


def single_line(shape: Sequence[int]) -> Layout:
    """Return the layout of a tensor on one line."""
    kept, empty = _written(shape)
    rank = len(kept)
    between = tuple(b"]" * ended + b", " + b"[" * ended for ended in range(rank))
    return Layout(kept, empty, b"[" * rank, between, b"]" * rank)


def indented(shape: Sequence[int], depth: int) -> Layout:
    """Return the layout of a tensor with one element per line; its own bracket stands on level ``depth``."""
    kept, empty = _written(shape)
    rank = len(kept)
    lines = [b"\n" + _INDENT * (depth + level) for level in range(rank + 1)]
    opened = [b"".join(b"[" + line for line in lines[level + 1 :]) for level in range(rank + 1)]
    closed = [b"".join(line + b"]" for line in reversed(lines[level:rank])) for level in range(rank + 1)]
    between = tuple(closed[level] + b"," + lines[level] + opened[level] for level in range(rank, 0, -1))
    return Layout(kept, empty, opened[0], between, closed[0])


def _written(shape: Sequence[int]) -> tuple[tuple[int, ...], bool]:
    """Return the levels above the first empty one, and whether there is one."""
    sizes = tuple(shape)
    return (sizes[: sizes.index(0)], True) if 0 in sizes else (sizes, False)
