"""How often the gate is wrong, and how long it takes, as a table.

python -m benchmarks.gate_power                     simulated: 2,000 runs for each true difference
python -m benchmarks.gate_power --live 3            real servers: 3 runs for each
python -m benchmarks.gate_power --live 3 --keep F   the same, and adds their pairs to the file F
python -m benchmarks.gate_power --drawn F           2,000 runs drawn from those of F that compared a model with itself
python -m benchmarks.gate_power --slices            how far pairs of one model differ, by how long their slices are
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.gate_power.live import live_runs
from benchmarks.gate_power.noise import Noise, NoisyMachine
from benchmarks.gate_power.recorded import DrawnMachine, keep_run, read_runs
from benchmarks.gate_power.slices import measure_slices
from harness.gate.metrics import METRICS
from harness.gate.rounds import Plan, decide
from harness.gate.run import GateOptions

_EFFECTS = (0.0, 0.05, 0.10, 0.20)
_LENGTHS_S = (0.1, 0.2, 0.8, 3.2)
_PAIRS = 12
_VERDICTS = ("pass", "regressed", "improved", "inconclusive")


def main() -> None:
    """Print a row for each true difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2_000, help="simulated runs for each difference")
    parser.add_argument("--effects", type=float, nargs="+", default=_EFFECTS, help="true differences, e.g. 0.1")
    parser.add_argument("--live", type=int, default=0, metavar="N", help="N runs on real servers instead")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="with --live: add the pairs to this file")
    parser.add_argument("--drawn", type=Path, metavar="FILE", help="simulate with pairs that were kept in this file")
    parser.add_argument("--slices", action="store_true", help="the noise of pairs on real servers instead")
    parser.add_argument("--backend", default="standin", help="what runs the real servers (default: standin)")
    parser.add_argument("--block", type=float, default=3.2, help="seconds of each side in a pair (default: 3.2)")
    options = parser.parse_args()
    if options.slices:
        measure_slices(_LENGTHS_S, _PAIRS, backend=options.backend)
    elif options.live:
        _live(tuple(options.effects), options.live, options.backend, options.block, options.keep)
    else:
        runs = None if options.drawn is None else read_runs(options.drawn)
        _simulated(options.effects, options.trials, runs)


def _simulated(effects: list[float], trials: int, runs: list[list[Any]] | None) -> None:
    print(f"{'candidate costs':>15}" + "".join(f"{each:>14}" for each in _VERDICTS) + f"{'pairs a verdict':>18}")
    with ProcessPoolExecutor() as pool:
        for effect in effects:
            ends = list(pool.map(partial(simulate, effect, runs=runs), range(trials), chunksize=20))
            counts = Counter(verdict for verdict, _ in ends)
            shares = "".join(f"{counts[each] / trials:>14.1%}" for each in _VERDICTS)
            print(f"{effect:>+15.0%}{shares}{sum(blocks for _, blocks in ends) / 2 / trials:>18.1f}", flush=True)


def simulate(effect: float, trial: int, runs: list[list[Any]] | None = None) -> tuple[str, int]:
    """Return a run's verdict, and how many blocks it took; its pairs are made up, or drawn from recorded runs."""
    random = np.random.default_rng([7, trial])
    machine: DrawnMachine | NoisyMachine
    if runs is None:
        machine = NoisyMachine(random, effect=effect, noise=Noise())
    else:
        machine = DrawnMachine(random, runs, effect=effect)
    verdict = decide(machine, METRICS, Plan()).verdict
    return verdict, machine.blocks_measured


def _live(effects: tuple[float, ...], times: int, backend: str, block_s: float, keep: Path | None) -> None:
    print(f"{'candidate costs':>15} {'verdict':>13} {'CPU a request':>24} {'noise':>7} {'pairs':>6} {'minutes':>8}")
    ends: dict[float, list[tuple[str, float]]] = defaultdict(list)
    for run in live_runs(effects, times, backend=backend, options=GateOptions(block_s=block_s)):
        gated = run.gated
        if keep is not None:
            keep_run(run, keep)
        ends[run.effect].append((gated.verdict, gated.duration_s / 60))
        row = next((each for each in gated.metrics if each.metric == "cpu_us"), None)
        seen = "" if row is None else f"{row.ratio - 1:+.1%} ({row.low or 1:.3f}-{row.high or 1:.3f})"
        floor = "" if row is None else f"{row.floor:.1%}"
        print(
            f"{run.effect:>+15.0%} {gated.verdict:>13} {seen:>24} {floor:>7} {gated.pairs:>6}"
            f" {gated.duration_s / 60:>8.1f}"
        )
        print(f"{'':>16}{gated.explanation[0]}", flush=True)
    for effect, each in ends.items():
        counts = ", ".join(f"{number} {verdict}" for verdict, number in Counter(end[0] for end in each).items())
        print(f"{effect:+.0%}: {counts}; {median(end[1] for end in each):.1f} minutes a verdict (median)")


if __name__ == "__main__":
    main()
