"""Arena: both servers side by side, one measured while the other is paused."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import CheckError, HarnessError
from harness.gate.blocks import Block, order_of_pairs
from harness.gate.machine_time import MachineTime
from harness.gate.rounds import Measured
from harness.load import run_load
from harness.measure.runner import usage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from harness.gate.blocks import Side
    from harness.gate.contender import Prepared
    from harness.load import Arrivals, EncodedRequest, LoadResult
    from harness.results.measured import Api
    from harness.servers import Server

__all__ = ["Arena", "BlockLoad", "CandidateFailsError"]

_TRIES = 3  # of a pair whose machine was disturbed
_MOST_STEAL = 0.02
_OTHER: dict[Side, Side] = {"baseline": "candidate", "candidate": "baseline"}


class CandidateFailsError(HarnessError):
    """The candidate does not answer as the baseline does; nothing is left to measure."""


@dataclass(frozen=True, kw_only=True)
class BlockLoad:
    """The load of a block.

    Attributes:
        requests: what is sent.
        api: ``grpc`` or ``rest``.
        concurrency: requests in flight, in closed loop.
        arrivals: the schedule of an open loop, None for a closed one.
        block_s: measured seconds.
        settle_s: seconds before them, thrown away.
        timeout_s: the most one request may take.
    """

    requests: tuple[EncodedRequest, ...]
    api: Api = "grpc"
    concurrency: int = 4
    arrivals: Arrivals | None = None
    block_s: float = 4.0
    settle_s: float = 1.0
    timeout_s: float = 10.0


class Arena:
    """Measures pairs (it is a `Measurer`). Leaving its ``with`` block stops both servers.

    Attributes:
        voided: why pairs were measured again, with how often.
        restarts: how often both servers were started.
        pairs: pairs that counted.
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
        self._servers: dict[Side, Server] = {}
        self._turn = 0
        self.voided: Counter[str] = Counter()
        self.restarts = 0
        self.pairs = 0

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
            server, ready_s = self._prepared[side].start()
            self._servers[side] = server
            load_s = self._load_seconds(server)
            values[side] = {"ready_s": ready_s, **({} if load_s is None else {"load_s": load_s})}
            server.pause()
        return values

    def _memory(self, side: Side) -> dict[str, float]:
        peak = self._servers[side].peak_memory_bytes()
        return {} if peak is None else {"memory_bytes": float(peak)}

    def _stop(self) -> None:
        while self._servers:
            _, server = self._servers.popitem()
            with suppress(HarnessError):
                server.resume()  # what is paused cannot end by itself
            server.stop()

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
            pair = [self._block(side) for side in order]
            void = next((block.void for block in pair if block.void), "")
            if not void:
                break
            self.voided[void] += 1
        return pair

    def _block(self, side: Side) -> Block:
        server, load = self._servers[side], self._load
        self._turn += 1
        machine = MachineTime()
        server.resume()
        try:
            result = run_load(
                server.endpoint,
                load.requests,
                api=load.api,
                concurrency=load.concurrency,
                arrivals=load.arrivals,
                duration_s=load.block_s,
                warmup_s=load.settle_s,
                timeout_s=load.timeout_s,
                usage=usage_of(server),
                on_phase=lambda phase: machine.begin() if phase == "measuring" else None,
            )
        finally:
            if server.is_running:
                server.pause()
        _refuse_failures(result, side, server)
        steal = machine.steal_share()
        void = result.void or (
            f"more than {_MOST_STEAL:.0%} of the machine's time was stolen" if steal > _MOST_STEAL else ""
        )
        return Block(
            side=side,
            start=self.restarts,
            values=_values(result),
            void=void,
            samples_ns=tuple(result.samples.latency_ns.tolist()),
            turn=self._turn,
        )


def _values(result: LoadResult) -> dict[str, float]:
    """Return the metrics of a block; those that cannot be known, or not well enough, are left out."""
    values: dict[str, float] = {}
    if result.server_cpu_us_per_request:
        values["cpu_us"] = result.server_cpu_us_per_request
    if result.arrivals is None:
        values["rate_per_s"] = result.rate_per_s  # in open loop it is what was asked for
    summary = result.summary()
    for each in summary.percentiles if summary else ():
        if each.value_ns is not None and each.percent in (50.0, 99.0):
            values[f"p{each.percent:g}_ns"] = each.value_ns
    return values


def _refuse_failures(result: LoadResult, side: Side, server: Server) -> None:
    """Stop at a side that fails: the speed of errors is nothing to compare."""
    if result.ended == "interrupted":
        raise KeyboardInterrupt
    if result.ended == "completed" and not result.errors:
        return
    if not server.is_running:
        seen = f"its server ended under load: {server.engine.exit_text()}"
    elif result.errors:
        first = next(iter(result.messages.items()), ("", ""))
        counts = ", ".join(f"{number:,} {code}" for code, number in result.errors.items())
        seen = f"{counts} of {len(result.samples):,} requests failed; the first: {': '.join(filter(None, first))}"
    else:
        seen = f"the load on it ended early, {result.ended}: {result.reason}"
    kind = CandidateFailsError if side == "candidate" else CheckError
    raise kind(f"the {side}: {seen}")


def _shares(pairs: int, starts: int) -> list[int]:
    parts = max(1, min(starts, pairs))
    return [pairs // parts + (number < pairs % parts) for number in range(parts)]


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    names = set.intersection(*(set(row) for row in rows)) if rows else set()
    return {name: [row[name] for row in rows] for name in sorted(names)}
