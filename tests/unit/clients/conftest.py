"""Small servers inside the test process that answer what a test tells them, and remember what they were asked."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from harness import Endpoint, GrpcClient, RestClient
from harness.dtypes import dtype_of_name
from harness.protos import (
    get_model_metadata_pb2,
    meta_graph_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from harness.tensors import fill_proto

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

_PREDICTION_RPCS = ("Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata")
_MODEL_RPCS = ("GetModelStatus", "HandleReloadConfigRequest")


def signature_map(inputs: dict[str, str], outputs: dict[str, str], *, name: str = "serving_default") -> Any:
    """Return a SignatureDefMap with one signature: dtype by name, every shape [?]."""
    holder = get_model_metadata_pb2.SignatureDefMap()
    signature = holder.signature_def[name]
    for side, dtypes in ((signature.inputs, inputs), (signature.outputs, outputs)):
        for key, dtype in dtypes.items():
            info = meta_graph_pb2.TensorInfo(name=f"{key}:0", dtype=dtype_of_name(dtype).enum)
            info.tensor_shape.dim.add(size=-1)
            side[key].CopyFrom(info)
    signature.method_name = "tensorflow/serving/predict"
    return holder


def metadata_json(inputs: dict[str, str], outputs: dict[str, str], *, name: str = "serving_default") -> dict[str, Any]:
    """Return the same as the document that GET .../metadata answers."""

    def side(dtypes: dict[str, str]) -> dict[str, Any]:
        shape = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
        return {
            key: {"name": f"{key}:0", "dtype": dtype_of_name(dtype).label, "tensor_shape": shape}
            for key, dtype in dtypes.items()
        }

    signature = {
        "inputs": side(inputs),
        "outputs": side(outputs),
        "method_name": "tensorflow/serving/predict",
        "defaults": {},
    }
    return {
        "model_spec": {"name": "m", "version": "1", "signature_name": ""},
        "metadata": {"signature_def": {"signature_def": {name: signature}}},
    }


class FakeGrpc(prediction_service_pb2_grpc.PredictionServiceServicer, model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[misc] # generated without types
    """TensorFlow Serving's gRPC services with scripted answers.

    ``answers`` maps an RPC's name to a function of request and context; ``calls`` lists (name, request, metadata).
    """

    def __init__(self) -> None:
        """Start without any answer but the model's metadata."""
        self.inputs: dict[str, str] = {"x": "float32"}
        self.outputs: dict[str, str] = {"y": "float32"}
        self.calls: list[tuple[str, Any, dict[str, Any]]] = []
        self.answers: dict[str, Callable[[Any, Any], Any]] = {
            "GetModelMetadata": lambda _request, _context: self._metadata(),
            "Predict": echo,
        }

    def _metadata(self) -> Any:
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.metadata["signature_def"].Pack(signature_map(self.inputs, self.outputs))
        return response

    def _answer(self, name: str, request: Any, context: Any) -> Any:
        self.calls.append((name, request, dict(context.invocation_metadata())))
        return self.answers[name](request, context)

    def names(self) -> list[str]:
        """Return the names of the RPCs that came, in order."""
        return [name for name, _, _ in self.calls]


def _rpc(name: str) -> Callable[[FakeGrpc, Any, Any], Any]:
    return lambda self, request, context: self._answer(name, request, context)


for _name in (*_PREDICTION_RPCS, *_MODEL_RPCS):
    setattr(FakeGrpc, _name, _rpc(_name))


def echo(request: Any, _context: Any) -> Any:
    """Answer Predict with input x as output y, by the version asked for, or 1."""
    response = predict_pb2.PredictResponse()
    response.model_spec.CopyFrom(request.model_spec)
    response.model_spec.ClearField("version_label")
    response.model_spec.version.value = request.model_spec.version.value or 1
    response.outputs["y"].CopyFrom(request.inputs["x"])
    return response


def predict_response(**outputs: np.ndarray) -> Any:
    """Return a PredictResponse of version 1 with these outputs."""
    response = predict_pb2.PredictResponse()
    response.model_spec.version.value = 1
    response.model_spec.signature_name = "serving_default"
    for name, array in outputs.items():
        fill_proto(response.outputs[name], array)
    return response


@pytest.fixture(scope="session")
def make() -> Any:
    """Give what tests build answers with: they import nothing from each other."""
    return SimpleNamespace(echo=echo, metadata_json=metadata_json, predict_response=predict_response)


@pytest.fixture
def start_grpc() -> Iterator[Callable[..., str]]:
    """Start gRPC servers with given services; each call returns an address. They end with the test."""
    servers = []

    def start(service: Any, *, credentials: Any = None, options: Any = ()) -> str:
        server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0), *options])
        if service is not None:
            prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
            model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, server)
        host = "localhost" if credentials else "127.0.0.1"
        port = (
            server.add_secure_port("localhost:0", credentials)
            if credentials
            else server.add_insecure_port("127.0.0.1:0")
        )
        server.start()
        servers.append(server)
        return f"{host}:{port}"

    yield start
    for server in servers:
        server.stop(None).wait(5)


@pytest.fixture
def start_generic() -> Iterator[Callable[..., tuple[str, Any]]]:
    """Start gRPC servers that answer every method with ``answer(request_bytes, context)``: address and server."""
    servers = []

    def start(answer: Callable[[bytes, Any], bytes]) -> tuple[str, Any]:
        class AnyMethod(grpc.GenericRpcHandler):  # type: ignore[type-arg] # generic in the stubs only
            def service(self, _details: Any) -> Any:
                return grpc.unary_unary_rpc_method_handler(answer)

        server = grpc.server(ThreadPoolExecutor(2), handlers=[AnyMethod()])
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        servers.append(server)
        return address, server

    yield start
    for server in servers:
        server.stop(None).wait(5)


@pytest.fixture
def fake_grpc() -> FakeGrpc:
    """Scripted services."""
    return FakeGrpc()


@pytest.fixture
def grpc_client(start_grpc: Callable[..., str], fake_grpc: FakeGrpc) -> Iterator[GrpcClient]:
    """A client of a server with the scripted services."""
    with GrpcClient(Endpoint(grpc=start_grpc(fake_grpc), rest=None, model="m"), timeout_s=10) as client:
        yield client


@dataclass
class FakeRest:
    """What an HTTP server answers, by path; and what it was asked.

    Attributes:
        answers: path to (status, body) or to (status, body, headers); a function of the handler may stand for it.
        requests: (method, path, headers, body) in order.
        connections: how many were opened.
        url: where it listens.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in order."""
        return [path for _, path, _, _ in self.requests]

    def document(self, number: int = -1) -> Any:
        """Return a request's body as JSON."""
        return json.loads(self.requests[number][3])


def _handler(fake: FakeRest) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def setup(self) -> None:
            super().setup()
            fake.connections += 1

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Write nothing."""

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fake.requests.append((self.command, self.path, dict(self.headers), body))
            answer = fake.answers.get(self.path, (404, b'{"error": "no such answer in the test"}'))
            if callable(answer):
                answer(self)
                return
            status, content, *rest = answer
            content = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **dict(*rest)}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the base's name

    return Handler


@pytest.fixture
def start_rest() -> Iterator[Callable[..., FakeRest]]:
    """Start HTTP servers with scripted answers; they end with the test."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(answers: dict[str, Any], *, tls: Any = None) -> FakeRest:
        fake = FakeRest(answers)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that hangs up is no news
        fake.url = f"{'http' if tls is None else 'https'}://localhost:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return fake

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def fake_rest(start_rest: Callable[..., FakeRest]) -> FakeRest:
    """An HTTP server that knows model m: input x, output y, both float32."""
    return start_rest(
        {
            "/v1/models/m/metadata": (200, metadata_json({"x": "float32"}, {"y": "float32"})),
            "/v1/models/m:predict": (200, {"outputs": [1.5, 2.5]}),
        }
    )


@pytest.fixture
def rest_client(fake_rest: FakeRest) -> Iterator[RestClient]:
    """A client of that server."""
    with RestClient(Endpoint(grpc=None, rest=fake_rest.url, model="m"), timeout_s=10) as client:
        yield client


@pytest.fixture
def closed_port() -> int:
    """A port that refuses connections: bound by no one, as it was just given back."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
