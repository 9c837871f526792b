"""Load generators side by side: ours, and what else there is, on the same server in the same run.

    python -m benchmarks.generators            rate, latency and processor time of each, as ratios
    python -m benchmarks.generators agreement  our engines against reference implementations, on a slow model
    python -m benchmarks.generators schedule   how well an open loop keeps its schedule, at 25, 50 and 75 % of capacity

docs/benchmarks.md says what is needed, and what the columns mean.
"""
