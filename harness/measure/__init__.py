"""Measure: from a running server and a question to rows of results.

    Requests --make_pool--> RequestPool --run_load--> LoadResult --rows--> Results

Here the edges meet: where requests come from (examples, records, logs), what the server itself says meanwhile, what is
varied from run to run (concurrency, batch, payload, rate), and what takes more than one run.

    server --pool_for--> RequestPool --expect--> Expected --verify(answers)--> Verification
"""

from harness.measure.expected import Expected, expect
from harness.measure.pool import RequestPool, make_pool
from harness.measure.pool_for import PayloadPools, pool_for, pools_of_growing_payload
from harness.measure.replay import replay
from harness.measure.verify import Verification, verify

__all__ = [
    "Expected",
    "PayloadPools",
    "RequestPool",
    "Verification",
    "expect",
    "make_pool",
    "pool_for",
    "pools_of_growing_payload",
    "replay",
    "verify",
]
