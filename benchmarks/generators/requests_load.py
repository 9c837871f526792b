"""The library requests as a load generator: a thread and a session for each request in flight.

It runs in a process of its own: ``python -m benchmarks.generators.requests_load URL BODY CONCURRENCY SECONDS`` prints
the times of the requests as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import requests

from benchmarks.generators.reading import Reading
from benchmarks.generators.tool import run_tool

if TYPE_CHECKING:
    from benchmarks.generators.targets import Target

__all__ = ["by_requests"]


@dataclass(frozen=True, kw_only=True)
class _Said:
    latencies_ns: list[int]
    errors: int
    wall_ns: int
    cpu_ns: int


def by_requests(target: Target, *, concurrency: int, seconds: float) -> Reading:
    """Return what threads with sessions of requests measure."""
    arguments = [target.url, target.body.decode(), str(concurrency), str(seconds)]
    run = run_tool([sys.executable, "-m", "benchmarks.generators.requests_load", *arguments], target)
    said = _Said(**json.loads(run.said))
    n = len(said.latencies_ns)
    p50, p99 = np.percentile(said.latencies_ns, [50, 99]) / 1e3
    return Reading(
        rate_per_s=n * 1e9 / said.wall_ns,
        p50_us=float(p50),
        p99_us=float(p99),
        generator_cpu_us=said.cpu_ns / 1e3 / n,
        server_cpu_us=run.server_cpu_s * 1e6 / n,
        errors=said.errors,
    )


def main(url: str, body: str, concurrency: str, seconds: str) -> None:
    """Send for so many seconds and print what it came to."""
    latencies_ns: list[int] = []
    statuses: list[int] = []
    began_ns, began_cpu_ns = time.perf_counter_ns(), time.process_time_ns()
    end_ns = began_ns + round(float(seconds) * 1e9)

    def send() -> None:
        headers = {"Content-Type": "application/json"}
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment would be measured along with the server
            while (sent_ns := time.perf_counter_ns()) < end_ns:
                statuses.append(session.post(url, data=body, headers=headers, timeout=60).status_code)
                latencies_ns.append(time.perf_counter_ns() - sent_ns)

    threads = [threading.Thread(target=send) for _ in range(int(concurrency))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = _Said(
        latencies_ns=latencies_ns,
        errors=sum(status != 200 for status in statuses),
        wall_ns=time.perf_counter_ns() - began_ns,
        cpu_ns=time.process_time_ns() - began_cpu_ns,
    )
    sys.stdout.write(json.dumps(asdict(said)))


if __name__ == "__main__":
    main(*sys.argv[1:])
