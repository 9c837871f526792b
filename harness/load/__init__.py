"""Load: send encoded requests as fast, or as often, as asked and keep what each of them cost.

    requests (bytes) --run_load--> worker processes: engine x session --> LoadResult (Samples, how it ended)

`run_load` starts worker processes, so the load neither disturbs pytest nor is disturbed by it. In each an *engine*
speaks one wire protocol and a *session* decides what is warm-up, what counts, and when to end. A new engine is a new
line in the table of `harness.load.engines`; a new end or phase is a change in the session alone. A
`LoadGenerator` is such a process that is kept, for many short runs.
"""

from harness.load.answers import Answer
from harness.load.arrivals import Arrivals
from harness.load.generator import LoadGenerator
from harness.load.request import EncodedRequest
from harness.load.result import LoadResult, ServerUsage, lateness
from harness.load.run import run_load
from harness.load.samples import Samples
from harness.load.status import status_name, succeeded

__all__ = [
    "Answer",
    "Arrivals",
    "EncodedRequest",
    "LoadGenerator",
    "LoadResult",
    "Samples",
    "ServerUsage",
    "lateness",
    "run_load",
    "status_name",
    "succeeded",
]
