"""The gate against real servers whose true difference is known: a model with a set amount of extra work."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.gate_power.costly_model import export_costly
from harness import GrpcClient, serve
from harness.gate.contender import Contender
from harness.gate.run import GateOptions, run_gate
from harness.load import run_load
from harness.measure.runner import usage_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Server
    from harness.gate.blocks import Block
    from harness.results import Gated

__all__ = ["LiveRun", "live_runs"]

_ROUNDS = (100, 1_100)  # of the baseline, and of the model that the cost of a round is measured with


@dataclass(frozen=True, kw_only=True)
class LiveRun:
    """One gate with the true difference in server CPU as it was set."""

    effect: float
    gated: Gated
    blocks: tuple[Block, ...]


def live_runs(effects: tuple[float, ...], times: int, *, backend: str, options: GateOptions) -> Iterator[LiveRun]:
    """Run the gate so many times for each true difference, in turn; yields each run as it ends."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        baseline = export_costly(folder / "baseline" / "costly", rounds=_ROUNDS[0])
        extra = _rounds_for(folder, baseline, backend)
        candidates = {
            effect: export_costly(folder / f"{effect:g}" / "costly", rounds=_ROUNDS[0] + round(effect * extra))
            for effect in effects
        }
        for _ in range(times):
            for effect, path in candidates.items():
                outcome = run_gate(_side(baseline), _side(path), options, backend=backend)
                if outcome.interrupted:
                    raise KeyboardInterrupt
                yield LiveRun(effect=effect, gated=outcome.gated, blocks=outcome.blocks)


def _side(path: Path) -> Contender:
    return Contender(path=path, name="costly")


def _rounds_for(folder: Path, baseline: Path, backend: str) -> float:
    """Return how many rounds double the baseline's processor time per request: a costlier model tells, in turn."""
    costly = export_costly(folder / "costly" / "costly", rounds=_ROUNDS[1])
    with serve(baseline, backend=backend) as one, serve(costly, backend=backend) as other:
        pairs = [(_cpu_us(one), _cpu_us(other)) for _ in range(5)]
    base = statistics.median(pair[0] for pair in pairs)
    per_round = statistics.median((b - a) / (_ROUNDS[1] - _ROUNDS[0]) for a, b in pairs)
    print(f"calibrated: {base:,.0f} us a request, {per_round:.3f} us a round")
    return base / per_round


def _cpu_us(server: Server) -> float:
    with GrpcClient(server.endpoint) as client:
        body = client.encode_predict({"x": np.ones(1, np.float32)})
    result = run_load(server.endpoint, [body], concurrency=4, duration_s=2.0, warmup_s=1.0, usage=usage_of(server))
    return result.server_cpu_us_per_request or 0.0
