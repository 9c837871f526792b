"""run_gate: from two contenders to a verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.gate.arena import Arena
from harness.gate.blocks import make_pairs
from harness.gate.budgets import judge_budgets
from harness.gate.contender import prepared
from harness.gate.contestant import BlockLoad, CandidateFailsError
from harness.gate.explain import explain
from harness.gate.judge import judge_pairs
from harness.gate.look import look_over
from harness.gate.metrics import choose_metrics
from harness.gate.rounds import Plan, Ruling, decide
from harness.load import Arrivals
from harness.measure.server_metrics import load_seconds
from harness.results import Gated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from harness.findings import Finding
    from harness.gate.blocks import Block
    from harness.gate.budgets import Budget, Kept
    from harness.gate.contender import Contender
    from harness.gate.look import Look
    from harness.gate.metrics import Metric
    from harness.gate.rounds import Measured
    from harness.load import EncodedRequest
    from harness.results import Backend, GateVerdict
    from harness.results.measured import Api

__all__ = ["GateOptions", "GateOutcome", "run_gate"]


@dataclass(frozen=True, kw_only=True)
class GateOptions:
    """How to measure and to judge.

    Attributes:
        api: ``grpc`` or ``rest``.
        signature: the signature to call, None for those that requests are known for.
        batch_size: examples in each request, None for the requests as they are.
        examples: a file of requests, None for the best source there is.
        concurrency: requests in flight.
        rate_per_s: arrivals a second instead, in open loop; None for a closed loop.
        block_s: measured seconds of each side in a pair.
        settle_s: seconds after a start, and before a block that is not cut into slices, thrown away.
        slice_s: how long one side is measured before it is the other's turn, see `harness.gate.slices`; None to choose.
        plan: how many pairs and starts.
        tolerances: by metric, as a share; others keep their own.
        budgets: absolute promises.
        contract: the committed contract, None for none.
        goldens: directory of recorded cases, None for none.
        seed: of what is made up.
    """

    api: Api = "grpc"
    signature: str | None = None
    batch_size: int | None = None
    examples: Path | None = None
    concurrency: int = 4
    rate_per_s: float | None = None
    block_s: float = 3.2
    settle_s: float = 1.0
    slice_s: float | None = None
    plan: Plan = field(default_factory=Plan)
    tolerances: Mapping[str, float] = field(default_factory=dict)
    budgets: tuple[Budget, ...] = ()
    contract: Path | None = None
    goldens: Path | None = None
    seed: int = 0

    @property
    def benchmark(self) -> str:
        """Name of what is measured, for stored baselines: what must be the same for numbers to mean the same."""
        load = f"c{self.concurrency}" if self.rate_per_s is None else f"r{self.rate_per_s:g}"
        parts = (self.api, self.signature, None if self.batch_size is None else f"b{self.batch_size}", load)
        return "-".join(part for part in parts if part)


@dataclass(frozen=True, kw_only=True)
class GateOutcome:
    """What a gate leaves.

    Attributes:
        gated: its row for the results.
        findings: what the checks found.
        backend: what served.
        blocks: every block that was measured.
        interrupted: whether Ctrl-C cut it short: then `gated` tells what there was by then, and is inconclusive.
    """

    gated: Gated
    findings: tuple[Finding, ...]
    backend: Backend
    blocks: tuple[Block, ...] = field(repr=False)
    interrupted: bool = False


def run_gate(
    baseline: Contender,
    candidate: Contender,
    options: GateOptions,
    *,
    command: Sequence[str] = (),
    on_pair: Callable[[Sequence[Block]], None] = lambda _: None,
    **server_options: Any,
) -> GateOutcome:
    """Compare two served models, side by side on this machine.

    Args:
        baseline: the measure.
        candidate: what is measured against it.
        options: how.
        command: what to type to do it again, for the explanation.
        on_pair: told each pair of blocks that counts.
        **server_options: fields of ServerSpec that both share, e.g. ``backend="container"``.

    Raises:
        HarnessError: the gate could not run; a candidate that fails is a verdict, not an error.
        KeyboardInterrupt: Ctrl-C came before there was anything to tell.
    """
    began = time.monotonic()
    metrics = choose_metrics(options.tolerances)
    recorder = _Recorder(on_pair)
    with prepared(baseline, candidate, **{"metrics": True, **server_options}) as (first, second):
        look = look_over(first, second, options)
        arena = Arena(
            first,
            second,
            _block_load(options, look.pool.encoded),
            on_pair=recorder.pair,
            load_seconds=lambda server: load_seconds(server, baseline.name),
        )
        ruling, wrong = _rule(arena, recorder, look, metrics, options.plan)
    kept = judge_budgets(options.budgets, recorder.candidate_blocks, recorder.candidate_starts) if ruling else []
    verdict = _verdict(ruling, wrong, kept)
    duration_s = time.monotonic() - began
    gated = Gated(
        model=baseline.name,
        baseline=baseline.label,
        candidate=candidate.label,
        api=options.api,
        verdict=verdict,
        explanation=explain(
            verdict,
            ruling=ruling,
            correctness=wrong,
            budgets=kept,
            starts=arena.restarts,
            slicing=arena.slicing,
            duration_s=duration_s,
            command=command,
        ),
        metrics=ruling.rows if ruling else (),
        budgets={str(each.budget): f"{each.state}: {each.seen}" for each in kept},
        correctness=tuple(wrong),
        pairs=arena.pairs,
        voided=dict(arena.voided),
        restarts=arena.restarts,
        confirmed=ruling.confirmed if ruling else None,
        duration_s=duration_s,
        command=tuple(command),
    )
    return GateOutcome(
        gated=gated,
        findings=look.findings,
        backend=look.backend,
        blocks=tuple(recorder.blocks),
        interrupted=ruling is not None and ruling.interrupted,
    )


def _rule(
    arena: Arena, recorder: _Recorder, look: Look, metrics: Sequence[Metric], plan: Plan
) -> tuple[Ruling | None, list[str]]:
    """Measure, unless the candidate is wrong already; return the ruling, if it came to one, and what is wrong."""
    wrong = list(look.wrong)
    if wrong:
        return None, wrong
    with arena:
        try:
            return decide(recorder.watch(arena), metrics, plan), wrong
        except CandidateFailsError as exc:
            return None, [str(exc)]
        except KeyboardInterrupt:
            if not recorder.blocks:
                raise
            rows = judge_pairs(make_pairs(recorder.blocks), recorder.blocks, metrics)
            return Ruling(verdict="inconclusive", rows=tuple(rows), interrupted=True), wrong


def _verdict(ruling: Ruling | None, wrong: Sequence[str], budgets: Sequence[Kept]) -> GateVerdict:
    if ruling is not None and ruling.interrupted:
        return ruling.verdict
    if ruling is None or wrong or any(each.state == "broken" for each in budgets):
        return "regressed"
    if ruling.verdict != "regressed" and any(each.state == "unknown" for each in budgets):
        return "inconclusive"
    return ruling.verdict


def _block_load(options: GateOptions, requests: tuple[EncodedRequest, ...]) -> BlockLoad:
    rate = options.rate_per_s
    return BlockLoad(
        requests=requests,
        api=options.api,
        concurrency=options.concurrency,
        arrivals=None if rate is None else Arrivals(rate_per_s=rate, seed=options.seed),
        block_s=options.block_s,
        settle_s=options.settle_s,
        slice_s=options.slice_s,
    )


class _Recorder:
    """Keeps what is measured, on its way to the judge."""

    def __init__(self, on_pair: Callable[[Sequence[Block]], None]) -> None:
        self.blocks: list[Block] = []
        self.candidate_starts: dict[str, list[float]] = {}
        self._on_pair = on_pair

    def pair(self, blocks: Sequence[Block]) -> None:
        self.blocks += blocks
        self._on_pair(blocks)

    def watch(self, arena: Arena) -> Callable[[int, int], Measured]:
        def measure(pairs: int, starts: int) -> Measured:
            measured = arena(pairs, starts)
            for name, values in measured.candidate_starts.items():
                self.candidate_starts.setdefault(name, []).extend(values)
            return measured

        return measure

    @property
    def candidate_blocks(self) -> list[Block]:
        return [block for block in self.blocks if block.side == "candidate"]
