"""What slices are good for: how far pairs of one and the same model differ, by how long its slices are.

All lengths are measured on the same two servers, in turn, so that the machine's moods meet them alike.
"""

from __future__ import annotations

import math
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import stdev

import numpy as np

from benchmarks.gate_power.costly_model import export_costly
from harness import GrpcClient
from harness.endpoint import Endpoint
from harness.gate.arena import Arena
from harness.gate.blocks import make_pairs
from harness.gate.contender import Contender, prepared
from harness.gate.contestant import BlockLoad
from harness.gate.slices import choose_slicing
from harness.load import EncodedRequest
from harness.load.request import predict_method

__all__ = ["measure_slices"]

_METRICS = {"cpu_us": "server CPU", "p50_ns": "median latency", "rate_per_s": "throughput"}
_BLOCK_S = 3.2


def measure_slices(lengths_s: tuple[float, ...], pairs: int, *, backend: str) -> None:
    """Print, for each length, the standard deviation of the pairs' log ratios, and what it is of that of whole blocks.

    Args:
        lengths_s: seconds of a slice.
        pairs: how many for each.
        backend: what runs the servers.
    """
    ratios: dict[float, dict[str, list[float]]] = {each: defaultdict(list) for each in lengths_s}
    with tempfile.TemporaryDirectory() as name:
        side = Contender(path=export_costly(Path(name) / "costly", rounds=100), name="costly")
        load = BlockLoad(requests=(_request(),), block_s=_BLOCK_S)
        with prepared(side, side, backend=backend) as (one, other), Arena(one, other, load) as arena:
            arena(1, 1)  # starts and warms up
            for _ in range(pairs):
                for length_s in lengths_s:
                    arena.slicing = choose_slicing(
                        block_s=_BLOCK_S, settle_s=load.settle_s, latency_s=0, switch_s=0, slice_s=length_s
                    )
                    (pair,) = make_pairs(arena(1, 0).blocks)
                    for metric in _METRICS:
                        ratio = pair.candidate.values[metric] / pair.baseline.values[metric]
                        ratios[length_s][metric].append(math.log(ratio))
    print(f"{'slice':>8}" + "".join(f"{title:>16}" for title in _METRICS.values()) + f"   ({pairs} pairs of each)")
    for length_s in lengths_s:
        print(f"{length_s:>6} s" + "".join(f"{stdev(ratios[length_s][metric]):>16.1%}" for metric in _METRICS))


def _request() -> EncodedRequest:
    endpoint = Endpoint(grpc="127.0.0.1:1", rest=None, model="costly")  # to encode nobody need be there
    with GrpcClient(endpoint) as client:
        body = client.encode_predict({"x": np.ones(1, np.float32)})
    return EncodedRequest(body=body, method=predict_method(endpoint, "grpc"))
