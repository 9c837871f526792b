"""How fast the stand-in's gRPC Predict is, as a ratio to a bare grpcio server that answers a constant.

Both get the same load from a process of its own, one after the other in each round, so a busy machine slows both.
``benchmarks/standin_rest.py`` does the same for the REST API.

    python benchmarks/standin.py --model-base-path PATH/half_plus_two
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.children import running
from harness.endpoint import Endpoint
from harness.load import ServerUsage, run_load
from harness.protos import predict_pb2
from harness.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psutil

_MODELS = Path(__file__).parents[1] / "tests" / "conformance" / "corpus" / "models"


def main() -> None:
    """Print a table of rates and ratios."""
    options = _options()
    if options.echo_port:
        serve_echo(options.echo_port, options.echo_bytes)
        return
    ratios: dict[int, list[float]] = {concurrency: [] for concurrency in options.concurrency}
    print(f"{'round':>5} {'concurrency':>11} {'echo req/s':>11} {'stand-in req/s':>15} {'ratio':>6} {'CPU us/req':>15}")
    with _echo(_reply_size()) as echo, running_standin(options.model_base_path) as standin:
        for number in range(1, options.rounds + 1):
            for concurrency in options.concurrency:
                bare, bare_cpu = _rate(echo, concurrency, options.seconds)
                rate, cpu = _rate(standin, concurrency, options.seconds)
                ratios[concurrency].append(rate / bare)
                shown = f"{bare_cpu:.0f} / {cpu:.0f}"
                print(
                    f"{number:5} {concurrency:11} {bare:11.0f} {rate:15.0f} {rate / bare:6.2f} {shown:>15}", flush=True
                )
    for concurrency, values in ratios.items():
        print(f"median ratio at concurrency {concurrency}: {statistics.median(values):.2f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-base-path", default=str(_MODELS / "half_plus_two"), help="a model with one input x")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load per measurement")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[8, 1])
    parser.add_argument("--echo-port", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--echo-bytes", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def serve_echo(port: int, size: int) -> None:
    """Answer every Predict with the same bytes: grpcio alone, as fast as it goes."""
    reply = bytes(size)
    handler = grpc.unary_unary_rpc_method_handler(lambda _request, _context: reply)
    server = grpc.server(ThreadPoolExecutor(8))
    generic = grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", {"Predict": handler})
    server.add_generic_rpc_handlers((generic,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def _request() -> bytes:
    """A Predict of three numbers."""
    message = predict_pb2.PredictRequest()
    message.model_spec.name = "m"
    message.inputs["x"].dtype = 1
    message.inputs["x"].tensor_shape.dim.add(size=3)
    message.inputs["x"].float_val.extend([1.0, 2.0, 5.0])
    return bytes(message.SerializeToString())


def _reply_size() -> int:
    """The size of the reply to :func:`_request`, for the echo to send as much."""
    return len(_request()) + 20


def _rate(server: tuple[int, psutil.Process], concurrency: int, seconds: float) -> tuple[float, float]:
    """Requests per second, and processor time of the server per request in microseconds."""
    port, process = server

    def used() -> ServerUsage:
        times = process.cpu_times()
        return ServerUsage(cpu_us=round((times.user + times.system) * 1e6))

    endpoint = Endpoint(grpc=f"127.0.0.1:{port}", rest=None, model="m")
    result = run_load(endpoint, [_request()], concurrency=concurrency, duration_s=seconds, warmup_s=2.0, usage=used)
    return len(result.samples) / result.duration_s, result.server_cpu_us_per_request or 0.0


@contextlib.contextmanager
def _echo(size: int) -> Iterator[tuple[int, psutil.Process]]:
    port = free_port()
    with running([sys.executable, __file__, "--echo-port", str(port), "--echo-bytes", str(size)], port) as process:
        yield port, process


@contextlib.contextmanager
def running_standin(
    base_path: str, *, rest_port: int = 0, cores: Iterable[int] | None = None
) -> Iterator[tuple[int, psutil.Process]]:
    """Run a stand-in on one model called m, on these processors; its gRPC port, and its process."""
    port = free_port()
    flags = [f"--port={port}", f"--rest_api_port={rest_port}", "--model_name=m"]
    flags += [f"--model_base_path={Path(base_path).resolve()}", "--standin_die_with_parent"]
    command = [sys.executable, "-m", "harness.standin", *flags]
    with running(command, rest_port or port, cores=cores) as process:
        yield port, process


if __name__ == "__main__":
    main()
