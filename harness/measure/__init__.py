"""Measure: from a running server and a question to rows of results.

    Requests --make_pool--> RequestPool --run_load--> LoadResult --rows--> Results

Here the edges meet: where requests come from (examples, records, logs), what the server itself says meanwhile, what is
varied from run to run (concurrency, batch, payload, rate), and what takes more than one run.
"""

from harness.measure.pool import RequestPool

__all__ = ["RequestPool"]
