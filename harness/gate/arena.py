"""Arena: both servers side by side, one measured while the other is paused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from harness.gate.blocks import Block, halves_of, order_of_pairs, order_of_slices
from harness.gate.contestant import Contestant
from harness.gate.machine_time import share_of
from harness.gate.rounds import Measured
from harness.gate.slices import choose_slicing
from harness.gate.values import latencies_ns, values_of
from harness.load import lateness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from harness.gate.blocks import Side
    from harness.gate.contender import Prepared
    from harness.gate.contestant import BlockLoad, Turn
    from harness.gate.slices import Slicing
    from harness.servers import Server

__all__ = ["Arena"]

_TRIES = 3  # of a pair whose machine was disturbed
_MOST_STEAL = 0.02  # of a block that is not cut
_MOST_UNEVEN_STEAL = 0.05  # between the sides of a pair in slices: what meets both alike does not matter
_OTHER: dict[Side, Side] = {"baseline": "candidate", "candidate": "baseline"}


class Arena:
    """Measures pairs (it is a `Measurer`). Leaving its ``with`` block stops both servers.

    Attributes:
        voided: why pairs were measured again, with how often.
        restarts: how often both servers were started.
        pairs: pairs that counted.
        slicing: how blocks are cut; known from the first start on.
    """

    def __init__(
        self,
        baseline: Prepared,
        candidate: Prepared,
        load: BlockLoad,
        *,
        on_pair: Callable[[Sequence[Block]], None] = lambda _: None,
        load_seconds: Callable[[Server], float | None] = lambda _: None,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            baseline: one side.
            candidate: the other.
            load: of each block.
            on_pair: told each pair that counts, for a progress bar.
            load_seconds: how long a server says that it took to load the model, None if it does not.
        """
        self._prepared: dict[Side, Prepared] = {"baseline": baseline, "candidate": candidate}
        self._load = load
        self._on_pair = on_pair
        self._load_seconds = load_seconds
        self._contestants: dict[Side, Contestant] = {}
        self._turn = 0
        self.voided: Counter[str] = Counter()
        self.restarts = 0
        self.pairs = 0
        self.slicing: Slicing | None = None

    def __enter__(self) -> Self:
        """Return the arena."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop both servers."""
        self._stop()

    def __call__(self, pairs: int, starts: int) -> Measured:
        """Measure so many pairs over so many new starts of both servers; with 0 on those that run.

        Raises:
            CandidateFailsError: the candidate ended, or answered with errors where the baseline does not.
            CheckError: the baseline did.
            ServerError: a server did not start.
        """
        blocks: list[Block] = []
        started: dict[Side, list[dict[str, float]]] = {"baseline": [], "candidate": []}
        for share in _shares(pairs, starts):
            values = self._restart() if starts else {}
            blocks += self._measure(share)
            for side, found in values.items():
                started[side].append({**found, **self._memory(side)})
        return Measured(
            blocks=tuple(blocks),
            baseline_starts=_columns(started["baseline"]),
            candidate_starts=_columns(started["candidate"]),
        )

    def _restart(self) -> dict[Side, dict[str, float]]:
        """Start both anew, in turn the one or the other first; return what each start tells."""
        self._stop()
        first: Side = "candidate" if self.restarts % 2 else "baseline"
        self.restarts += 1
        values: dict[Side, dict[str, float]] = {}
        for side in (first, _OTHER[first]):
            contestant = Contestant(side, self._prepared[side], self._load)
            self._contestants[side] = contestant
            values[side] = {"ready_s": contestant.ready_s}
        self._warm_up(values)
        return values

    def _warm_up(self, values: dict[Side, dict[str, float]]) -> None:
        """Warm both up, learn from it at the first start how to cut blocks, and ask how long the model's load took."""
        costs = []
        for side, contestant in self._contestants.items():
            costs.append(contestant.warm_up())
            contestant.server.resume()
            load_s = self._load_seconds(contestant.server)
            contestant.server.pause()
            values[side].update({} if load_s is None else {"load_s": load_s})
        if self.slicing is None:
            self.slicing = choose_slicing(
                block_s=self._load.block_s,
                settle_s=self._load.settle_s,
                slice_s=self._load.slice_s,
                gap_s=0.0 if self._load.arrivals is None else 1 / self._load.arrivals.rate_per_s,
                latency_s=max(latency_s for latency_s, _ in costs),
                switch_s=max(switch_s for _, switch_s in costs),
            )

    def _memory(self, side: Side) -> dict[str, float]:
        peak = self._contestants[side].server.peak_memory_bytes()
        return {} if peak is None else {"memory_bytes": float(peak)}

    def _stop(self) -> None:
        while self._contestants:
            _, contestant = self._contestants.popitem()
            contestant.stop()

    def _measure(self, pairs: int) -> list[Block]:
        blocks: list[Block] = []
        for order in order_of_pairs(self.pairs, pairs):
            pair = self._pair(order)
            self.pairs += 1
            self._on_pair(pair)
            blocks += pair
        return blocks

    def _pair(self, order: tuple[Side, Side]) -> list[Block]:
        """Measure a pair, again if the machine was disturbed; the last try stands as it is, void or not."""
        for _ in range(_TRIES):
            turns = self._take_turns(order)
            void = _void(turns)
            pair = [self._block(side, turns[side], void) for side in order]
            if not void:
                break
            self.voided[void] += 1
        return pair

    def _take_turns(self, order: tuple[Side, Side]) -> dict[Side, list[Turn]]:
        slicing = self.slicing
        assert slicing is not None  # noqa: S101 - this tells mypy: the first start has chosen it
        turns: dict[Side, list[Turn]] = {side: [] for side in order}
        for side in order_of_slices(order, slicing.count):
            number = len(turns[side])
            turn = self._contestants[side].turn(
                slicing.slice_s, settle_s=slicing.settle_s, seed=self._seed(self.pairs * slicing.count + number)
            )
            turns[side].append(turn)
        return turns

    def _seed(self, number: int) -> int:
        """Return the seed of the arrivals in a slice, the same for both sides."""
        return number if self._load.arrivals is None else self._load.arrivals.seed + number

    def _block(self, side: Side, turns: Sequence[Turn], void: str) -> Block:
        self._turn += 1
        results = [turn.result for turn in turns]
        return Block(
            side=side,
            start=self.restarts,
            values=values_of(results),
            void=void,
            samples_ns=tuple(latencies_ns(results).tolist()),
            turn=self._turn,
            halves=tuple(values_of(half) for half in halves_of(results) or ()),
        )


def _void(turns: Mapping[Side, Sequence[Turn]]) -> str:
    """Return why a pair says nothing; empty if it counts."""
    for each in turns.values():
        late = lateness([turn.result for turn in each])
        if late:
            return late
    shares = [share_of(turn.machine for turn in each) for each in turns.values()]
    if min(len(each) for each in turns.values()) > 1:
        if max(shares) - min(shares) > _MOST_UNEVEN_STEAL:
            return f"one side had over {_MOST_UNEVEN_STEAL:.0%} more of the machine's time stolen than the other"
    elif max(shares) > _MOST_STEAL:
        return f"more than {_MOST_STEAL:.0%} of the machine's time was stolen"
    return ""


def _shares(pairs: int, starts: int) -> list[int]:
    parts = max(1, min(starts, pairs))
    return [pairs // parts + (number < pairs % parts) for number in range(parts)]


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    names = set.intersection(*(set(row) for row in rows)) if rows else set()
    return {name: [row[name] for row in rows] for name in sorted(names)}
