"""Throw generated garbage at a stand-in and see that it stays alive, answers, and gives nothing away.

Requests are drawn from a seeded generator: random bytes, mutated JSON, deep nesting, huge numbers, odd URLs and
frames over REST, mutated messages over gRPC. Beside them stand 500 idle connections and clients that send a byte a
second, and a few bodies of 100 MB. Throughout, a probe asks for a prediction and must get the right one.

    python -m benchmarks.hostile [--requests 20000] [--seed 1]

Exit code 0 if the server survived, answered every probe, stayed within its memory bound, and no reply held a local
path or a traceback.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc

from benchmarks.hostile.grpc_garbage import grpc_mutated, grpc_random
from benchmarks.hostile.pressure import bothered, send_large
from benchmarks.hostile.rest_garbage import (
    bad_gzip,
    deep_nesting,
    huge_numbers,
    mutated_json,
    odd_frames,
    odd_urls,
    random_body,
    random_bytes,
)
from benchmarks.hostile.server import REPLY_S, exchange, probe, running_server, watched
from benchmarks.hostile.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.hostile.server import Server

_MAX_RSS_BYTES = 2 << 30
_KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    *(mutated_json,) * 8,
    *(odd_urls,) * 2,
    *(odd_frames,) * 2,
    *(grpc_mutated,) * 2,
    random_bytes,
    random_body,
    deep_nesting,
    huge_numbers,
    bad_gzip,
    grpc_random,
)


def main() -> int:
    """Run, print the counts, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)  # noqa: S311 - reproducible garbage, no secrets
    tally = Tally()
    begin_s = time.monotonic()
    with running_server() as server, watched(server, tally), bothered(server):
        _send_generated(server, rng, options.requests, tally)
        send_large(server, tally)
        alive = server.process.poll() is None and probe(server, tally)
    return _report(tally, options, time.monotonic() - begin_s, alive=alive)


def _report(tally: Tally, options: argparse.Namespace, seconds: float, *, alive: bool) -> int:
    """Print what happened; return 0 if all is well."""
    for kind, count in sorted(tally.replies.items()):
        print(f"{count:8}  {kind}")
    print(f"{options.requests} requests, seed {options.seed}, {seconds:.0f} s")
    print(f"alive and answering at the end: {alive}")
    print(f"probes answered wrongly: {len(tally.wrong_probes)} {tally.wrong_probes[:3]}")
    print(f"slowest probe: {tally.slowest_probe_s:.2f} s, peak RSS: {tally.peak_rss_bytes / 2**20:.0f} MiB")
    print(f"replies with a path or a traceback: {len(tally.leaks)} {tally.leaks[:3]}")
    unexpected = sum(count for kind, count in tally.replies.items() if kind.endswith(" 500"))
    print(f"replies with status 500: {unexpected}")
    bounded = tally.peak_rss_bytes < _MAX_RSS_BYTES
    return 0 if alive and bounded and not (tally.leaks or tally.wrong_probes) else 1


def _send_generated(server: Server, rng: random.Random, requests: int, tally: Tally) -> None:
    """Send the generated requests, REST from several threads, every tenth over gRPC."""
    drawn = [rng.choice(_KINDS) for _ in range(requests)]
    jobs = [(kind.__name__, kind(random.Random(rng.random()))) for kind in drawn]  # noqa: S311 - as above
    lock = threading.Lock()
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict", bytes, bytes)

        def work() -> None:
            while True:
                with lock:
                    if not jobs:
                        return
                    name, data = jobs.pop()
                reply = _grpc(call, data) if name.startswith("grpc") else exchange(server, data)
                with lock:
                    tally.take(name, reply)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _grpc(call: Any, data: bytes) -> bytes:
    """Call Predict with these bytes; return something like a reply."""
    try:
        return b"grpc/1.1 OK \r\n" + bytes(call(data, timeout=REPLY_S))
    except grpc.RpcError as error:
        code = error.code().value[0]
        return b"grpc/1.1 %3d\r\n" % code + str(error.details()).encode()


if __name__ == "__main__":
    sys.exit(main())
