"""Contestant: one side while it is served: its server, what sends load to it, and its turns."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import CheckError, ConnectionFailedError, HarnessError
from harness.gate.machine_time import MachineTime
from harness.load import LoadGenerator
from harness.measure.runner import usage_of

if TYPE_CHECKING:
    from harness.gate.blocks import Side
    from harness.gate.contender import Prepared
    from harness.load import Arrivals, EncodedRequest, LoadResult
    from harness.results.measured import Api

__all__ = ["BlockLoad", "CandidateFailsError", "Contestant", "Turn"]

_TRIAL_S = 0.1


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
        block_s: measured seconds of a side in a pair.
        settle_s: seconds after a start, and before a block that is not cut into slices, thrown away.
        slice_s: seconds of a slice, see `harness.gate.slices`; None to choose.
        timeout_s: the most one request may take.
    """

    requests: tuple[EncodedRequest, ...]
    api: Api = "grpc"
    concurrency: int = 4
    arrivals: Arrivals | None = None
    block_s: float = 3.2
    settle_s: float = 1.0
    slice_s: float | None = None
    timeout_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a side was measured for before it was the other's turn.

    Attributes:
        result: of the load.
        machine: processor time of the machine meanwhile, and of it what others took, in seconds.
    """

    result: LoadResult
    machine: tuple[float, float]


class Contestant:
    """A side that is served, and paused but for its turns.

    Attributes:
        server: what runs.
        ready_s: how long it took to start.
    """

    def __init__(self, side: Side, prepared: Prepared, load: BlockLoad) -> None:
        """Start the server, and what will send to it; then pause it.

        Raises:
            ServerError: it did not start.
        """
        self._side, self._load = side, load
        self.server, self.ready_s = prepared.start()
        with ExitStack() as stack:
            stack.callback(self._stop_server)
            self._generator = stack.enter_context(
                LoadGenerator(
                    self.server.endpoint,
                    load.requests,
                    api=load.api,
                    concurrency=load.concurrency,
                    arrivals=load.arrivals,
                    timeout_s=load.timeout_s,
                )
            )
            self.server.pause()
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """End it all."""
        self._stack.close()

    def warm_up(self) -> tuple[float, float]:
        """Send load that is not measured; return a request's latency, and what a turn takes besides its load, in s."""
        result = self.turn(self._load.settle_s or _TRIAL_S).result
        began_s = time.perf_counter()
        self.turn(_TRIAL_S)
        latency_ns = result.samples.latency_ns
        latency_s = float(np.median(latency_ns)) / 1e9 if latency_ns.size else 0.0
        return latency_s, max(0.0, time.perf_counter() - began_s - _TRIAL_S)

    def turn(self, duration_s: float, *, settle_s: float = 0.0, seed: int = 0) -> Turn:
        """Let it work, measure it, and pause it again.

        Args:
            duration_s: the measured time.
            settle_s: thrown away before it.
            seed: of the arrivals in open loop.

        Raises:
            CandidateFailsError: it is the candidate, and it ended, or answered with errors.
            CheckError: it is the baseline.
        """
        machine = MachineTime()
        self.server.resume()
        try:
            result = self._generator.run(
                duration_s=duration_s,
                warmup_s=settle_s,
                seed=seed,
                usage=usage_of(self.server),
                on_phase=lambda phase: machine.begin() if phase == "measuring" else None,
            )
        except ConnectionFailedError as exc:
            raise self._failure(str(exc)) from exc
        finally:
            if self.server.is_running:
                self.server.pause()
        self._refuse_failures(result)
        return Turn(result=result, machine=machine.used())

    def _stop_server(self) -> None:
        with suppress(HarnessError):
            self.server.resume()  # what is paused cannot end by itself
        self.server.stop()

    def _refuse_failures(self, result: LoadResult) -> None:
        """Stop at a side that fails: the speed of errors is nothing to compare."""
        if result.errors:
            first = next(iter(result.messages.items()), ("", ""))
            counts = ", ".join(f"{number:,} {code}" for code, number in result.errors.items())
            text = ": ".join(filter(None, first))
            raise self._failure(f"{counts} of {len(result.samples):,} requests failed; the first: {text}")
        if result.ended != "completed":
            raise self._failure(f"the load on it ended early, {result.ended}: {result.reason}")

    def _failure(self, seen: str) -> HarnessError:
        if not self.server.is_running:
            seen = f"its server ended under load: {self.server.engine.exit_text()}"
        kind = CandidateFailsError if self._side == "candidate" else CheckError
        return kind(f"the {self._side}: {seen}")
