"""Targets: the servers that generators are measured on.

The stand-in on half_plus_two, and two that are fast enough to show the generators' own limits: nghttpd, which answers a
call with the recorded answer of the stand-in out of a file, and nginx, which returns a constant. (``nghttpd
--echo-upload`` would do, too, but it writes each request into a temporary file: that is then what limits it.)
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from benchmarks.children import running, server_cores
from benchmarks.generators.reading import Missing
from benchmarks.standin import running_standin
from harness.endpoint import Endpoint
from harness.load import ServerUsage
from harness.protos import get_model_metadata_pb2, predict_pb2
from harness.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psutil

    from harness.results.measured import Api

__all__ = ["MODEL", "REST_BODY", "Target", "grpc_body", "nghttpd", "nginx", "slow", "standin"]

MODEL = "m"
REST_BODY = b'{"instances": [1.0, 2.0, 5.0]}'
_SERVICE = "tensorflow.serving.PredictionService"
_HALF_PLUS_TWO = Path(__file__).parents[2] / "tests" / "conformance" / "corpus" / "models" / "half_plus_two"
_ANSWER = '{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'
_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{answer}'; }} }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A running server: its name, the API it is asked through, its port, and the process that answers."""

    name: str
    api: Api
    port: int
    process: psutil.Process

    @property
    def endpoint(self) -> Endpoint:
        """The target as the harness addresses it."""
        if self.api == "grpc":
            return Endpoint(grpc=f"127.0.0.1:{self.port}", rest=None, model=MODEL)
        return Endpoint(grpc=None, rest=f"http://127.0.0.1:{self.port}", model=MODEL)

    @property
    def url(self) -> str:
        """Where a Predict goes."""
        path = f"{_SERVICE}/Predict" if self.api == "grpc" else f"v1/models/{MODEL}:predict"
        return f"http://127.0.0.1:{self.port}/{path}"

    @property
    def body(self) -> bytes:
        """A Predict of three numbers."""
        return grpc_body() if self.api == "grpc" else REST_BODY

    def usage(self) -> ServerUsage:
        """Return the processor time that the server has used."""
        times = self.process.cpu_times()
        return ServerUsage(cpu_us=round((times.user + times.system) * 1e6))


def grpc_body() -> bytes:
    """Return a PredictRequest of three numbers."""
    message = predict_pb2.PredictRequest()
    message.model_spec.name = MODEL
    message.inputs["x"].dtype = 1
    message.inputs["x"].tensor_shape.dim.add(size=3)
    message.inputs["x"].float_val.extend([1.0, 2.0, 5.0])
    return bytes(message.SerializeToString())


@contextlib.contextmanager
def standin() -> Iterator[tuple[Target, Target]]:
    """Run the stand-in on half_plus_two; its gRPC side and its REST side."""
    rest_port = free_port()
    with running_standin(str(_HALF_PLUS_TWO), rest_port=rest_port, cores=server_cores()) as (grpc_port, process):
        name = "stand-in, half_plus_two"
        yield (
            Target(name=name, api="grpc", port=grpc_port, process=process),
            Target(name=name, api="rest", port=rest_port, process=process),
        )


@contextlib.contextmanager
def nghttpd(model: Target) -> Iterator[Target]:
    """Run nghttpd with the answers that a gRPC server gives now.

    Raises:
        Missing: it is not installed.
    """
    command = shutil.which("nghttpd")
    if command is None:
        raise Missing("nghttpd is not installed (Debian: nghttp2-server)")
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        _record(model, Path(name) / _SERVICE)
        flags = ["--no-tls", "--address=127.0.0.1", f"--htdocs={name}", "--trailer=grpc-status: 0", str(port)]
        with running([command, *flags], port, cores=server_cores()) as process:
            yield Target(name="nghttpd, a constant", api="grpc", port=port, process=process)


def _record(model: Target, folder: Path) -> None:
    """Write the answers to Predict, and to what perf_analyzer asks before, as gRPC frames them."""
    folder.mkdir()
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = MODEL
    with grpc.insecure_channel(f"127.0.0.1:{model.port}") as channel:
        for method, request in (("Predict", grpc_body()), ("GetModelMetadata", metadata.SerializeToString())):
            answer: bytes = channel.unary_unary(f"/{_SERVICE}/{method}", None, None)(request, timeout=60)
            (folder / method).write_bytes(framed(answer))


def framed(message: bytes) -> bytes:
    """Return a message as gRPC frames it: not compressed, with its length."""
    return b"\0" + len(message).to_bytes(4, "big") + message


@contextlib.contextmanager
def nginx() -> Iterator[Target]:
    """Run nginx with one process that returns a constant.

    Raises:
        Missing: it is not installed.
    """
    command = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if command is None:
        raise Missing("nginx is not installed (Debian: nginx-light)")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(_NGINX.format(folder=folder, port=port, answer=_ANSWER))
        flags = ["-c", str(configuration), "-p", folder, "-e", f"{folder}/errors"]
        with running([command, *flags], port, cores=server_cores()) as process:
            yield Target(name="nginx, a constant", api="rest", port=port, process=process)


@contextlib.contextmanager
def slow(api: Api, answer_us: int) -> Iterator[Target]:
    """Run a server that sleeps for so long before each answer, as if its model took that time."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.generators.slow_server", api, str(port), str(answer_us)]
    with running(command, port, cores=server_cores()) as process:
        yield Target(name=f"a model that takes {answer_us / 1e3:g} ms", api=api, port=port, process=process)
