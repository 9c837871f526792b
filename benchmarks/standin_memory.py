"""How much memory a 10 MB request costs the stand-in: its peak while answering, in copies of the request.

Each kind of request is sent to a fresh server after a small one, so that what is loaded once is not counted. The
peak is the kernel's high-water mark of the server's resident memory, which Linux alone can set back.

    python -m benchmarks.standin_memory [--megabytes 10]
"""

from __future__ import annotations

import argparse
import socket
import statistics
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from benchmarks.standin import running_standin
from harness.protos import predict_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

_MODEL = Path(__file__).parents[1] / "tests" / "conformance" / "corpus" / "models" / "shapes"
_SIGNATURES = {"small answer": "total", "equal answer": "serving_default"}
_LIMIT = 2**31 - 1


def main() -> None:
    """Print a table of peaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=10.0)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    size = round(options.megabytes * 1e6)
    print(f"{'API':>5} {'answer':>13} {'request':>9} {'median peak':>12} {'copies':>7}")
    for api, (make, send) in _APIS.items():
        for answer, signature in _SIGNATURES.items():
            request = make(signature, size)
            peaks = [_peak_bytes(request, make(signature, 8), send) for _ in range(options.repeats)]
            peak = statistics.median(peaks)
            shown = f"{len(request) / 1e6:7.1f}MB {peak / 1e6:10.1f}MB {peak / len(request):7.1f}"
            print(f"{api:>5} {answer:>13} {shown}", flush=True)


def _peak_bytes(request: bytes, small: bytes, send: Callable[[int, int, bytes], None]) -> int:
    """Return how far a request lifts the server's resident memory."""
    rest_port = _free_port()
    with running_standin(str(_MODEL), rest_port=rest_port) as (grpc_port, process):
        for _ in range(3):
            send(grpc_port, rest_port, small)
        before = process.memory_info().rss
        Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")
        send(grpc_port, rest_port, request)
        return _high_water_bytes(process.pid) - before


def _high_water_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))


def _grpc_request(signature: str, size: int) -> bytes:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = "m"
    message.model_spec.signature_name = signature
    message.inputs["x"].dtype = 1
    message.inputs["x"].tensor_shape.dim.add(size=size // 4)
    message.inputs["x"].tensor_content = bytes(size // 4 * 4)
    return bytes(message.SerializeToString())


def _send_grpc(grpc_port: int, _rest_port: int, request: bytes) -> None:
    options = [("grpc.max_receive_message_length", _LIMIT), ("grpc.max_send_message_length", _LIMIT)]
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}", options=options) as channel:
        channel.unary_unary("/tensorflow.serving.PredictionService/Predict", bytes, bytes)(request, timeout=60)


def _rest_request(signature: str, size: int) -> bytes:
    numbers = ",".join(["0.1234567"] * max(1, size // 10))
    return f'{{"signature_name": "{signature}", "inputs": [{numbers}]}}'.encode()


def _send_rest(_grpc_port: int, rest_port: int, request: bytes) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{rest_port}/v1/models/m:predict", request, timeout=60) as reply:
        reply.read()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_APIS = {"gRPC": (_grpc_request, _send_grpc), "REST": (_rest_request, _send_rest)}


if __name__ == "__main__":
    main()
