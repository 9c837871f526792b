"""Blocks and pairs: what is measured of two servers in turn, and in which order. Pure.

Both servers run all the time; while one is measured the other is paused. Two blocks of different sides make a *pair*.
The blocks of a pair are measured together, in slices: A B B A A B B A and so on, the next pair the other way round, so
that what drifts, or comes and goes within a second, meets both alike. How far two measurements of the same server
differ is told by its blocks' halves, two sets of slices that lie as the sides do; or, where a block is one slice, by
neighbours of one side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "ROUND",
    "Block",
    "Pair",
    "Side",
    "halves_of",
    "make_pairs",
    "order_of_pairs",
    "order_of_slices",
    "same_side_neighbours",
]

_T = TypeVar("_T")
ROUND = 4  # slices of a side after which each side, and each half of it, was as often first as last

Side = Literal["baseline", "candidate"]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some seconds of load on one side.

    Attributes:
        side: whose.
        start: which start of the servers, from 0.
        values: by metric; one that could not be measured is left out.
        void: why it says nothing, e.g. since the machine's time was taken away; empty if it counts.
        samples_ns: latencies, for budgets over the whole run; may be empty.
        turn: the how manieth block it was, those that were thrown away counted; None if all blocks are there.
        halves: the metrics of two halves of its slices, empty if it has too few.
    """

    side: Side
    start: int
    values: Mapping[str, float]
    void: str = ""
    samples_ns: tuple[float, ...] = field(default=(), repr=False)
    turn: int | None = None
    halves: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two blocks measured next to each other, one of each side."""

    baseline: Block
    candidate: Block

    @property
    def void(self) -> str:
        """Why the pair says nothing; empty if it counts."""
        return self.baseline.void or self.candidate.void


def order_of_pairs(first: int, count: int) -> Iterator[tuple[Side, Side]]:
    """Yield the order of the sides in pairs number `first` and on: A B, B A, A B, B A, and so on."""
    for number in range(first, first + count):
        yield ("candidate", "baseline") if number % 2 else ("baseline", "candidate")


def order_of_slices(order: tuple[Side, Side], count: int) -> Iterator[Side]:
    """Yield whose turn it is within a pair, so many times each: A B, B A, A B, B A, and so on."""
    for number in range(count):
        yield from order if number % 2 == 0 else order[::-1]


def halves_of(slices: Sequence[_T]) -> tuple[list[_T], list[_T]] | None:
    """Return two halves of a side's slices that lie to each other as the sides do, A B B A; None of fewer than 4."""
    if len(slices) < ROUND:
        return None
    whole = range(len(slices) - len(slices) % ROUND)
    outer = (0, ROUND - 1)
    return [slices[each] for each in whole if each % ROUND in outer], [
        slices[each] for each in whole if each % ROUND not in outer
    ]


def make_pairs(blocks: Sequence[Block]) -> list[Pair]:
    """Return the pairs of blocks as they were measured, two by two."""
    pairs = []
    for one, other in zip(blocks[::2], blocks[1::2], strict=True):
        by_side = {one.side: one, other.side: other}
        pairs.append(Pair(baseline=by_side["baseline"], candidate=by_side["candidate"]))
    return pairs


def same_side_neighbours(blocks: Sequence[Block]) -> list[tuple[Block, Block]]:
    """Return the neighbours of one side within one start that both count: measured twice with nothing changed.

    Blocks between which others were thrown away are no neighbours: the machine had time to change. Nor are blocks that
    were measured in slices: they are as long apart as a pair takes.
    """
    return [
        (one, other)
        for one, other in pairwise(blocks)
        if one.side == other.side and one.start == other.start and not one.void and not other.void
        if one.turn is None or other.turn == one.turn + 1
        if not one.halves and not other.halves
    ]
