"""MLPerf's inference scenarios: LoadGen decides when a query leaves and judges the run, our wire engines carry it.

    Job + Rules --folder--> worker process: LoadGen x Traffic --its logs--> Verdict

LoadGen is C++ with one state for the whole process, and ends the process when something in it breaks; so it runs in a
worker process of its own, which imports it (the extra ``mlperf``), and nothing else does.
"""

from harness.load.mlperf.process import run_loadgen
from harness.load.mlperf.rules import Rules
from harness.load.mlperf.verdict import Failures, Verdict, read_verdict

__all__ = ["Failures", "Rules", "Verdict", "read_verdict", "run_loadgen"]
