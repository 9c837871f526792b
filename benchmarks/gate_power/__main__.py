"""How often the gate is wrong, as a table.

python -m benchmarks.gate_power                     simulated: 2,000 runs for each true difference
python -m benchmarks.gate_power --trials 200
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from benchmarks.gate_power.noise import Noise, NoisyMachine
from harness.gate.metrics import METRICS
from harness.gate.rounds import Plan, decide

_EFFECTS = (0.0, 0.05, 0.10, 0.20)
_VERDICTS = ("pass", "regressed", "improved", "inconclusive")


def main() -> None:
    """Print a row for each true difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2_000, help="simulated runs for each difference")
    parser.add_argument("--effects", type=float, nargs="+", default=_EFFECTS, help="true differences, e.g. 0.1")
    options = parser.parse_args()
    print(f"{'candidate costs':>15}" + "".join(f"{each:>14}" for each in _VERDICTS) + f"{'pairs a verdict':>18}")
    for effect in options.effects:
        counts, blocks = simulate(effect, options.trials)
        shares = "".join(f"{counts[each] / options.trials:>14.1%}" for each in _VERDICTS)
        print(f"{effect:>+15.0%}{shares}{blocks / 2 / options.trials:>18.1f}", flush=True)


def simulate(effect: float, trials: int, *, seed: int = 0) -> tuple[Counter[str], int]:
    """Return how often each verdict came out, and how many blocks it took in all."""
    counts: Counter[str] = Counter()
    blocks = 0
    for trial in range(trials):
        machine = NoisyMachine(np.random.default_rng([seed, trial]), effect=effect, noise=Noise())
        counts[decide(machine, METRICS, Plan()).verdict] += 1
        blocks += machine.blocks_measured
    return counts, blocks


if __name__ == "__main__":
    main()
