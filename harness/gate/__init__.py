"""Gate: is the candidate slower than the baseline? Both measured side by side, in one run, on one machine.

    two servers --blocks in turn--> pairs --estimate--> MetricRatio rows --rounds--> Gated (verdict)

`metrics`, `blocks`, `estimate`, `judge` and `rounds` are arithmetic only, and can be simulated; what starts servers,
sends load and pauses the idle side stands beside them.
"""

from harness.gate.budgets import parse_budget
from harness.gate.contender import Contender
from harness.gate.rounds import Plan
from harness.gate.run import GateOptions, GateOutcome, run_gate

__all__ = ["Contender", "GateOptions", "GateOutcome", "Plan", "parse_budget", "run_gate"]
