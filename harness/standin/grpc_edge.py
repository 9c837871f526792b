"""The gRPC edge: tensorflow_model_server's services on a grpcio server.

Requests are parsed here and not by grpcio, so that one that is no proto is answered INTERNAL with empty details, as
the genuine server does; an unknown method is UNIMPLEMENTED with empty details (behaviour item 30).
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from harness.protos import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)
from harness.standin.classify import run_classify
from harness.standin.grpc_extras import add_health, add_reflection
from harness.standin.metadata import get_model_metadata, get_model_status
from harness.standin.multi_inference import run_multi_inference
from harness.standin.predict import serve_predict
from harness.standin.regress import run_regress
from harness.standin.reload import handle_reload
from harness.standin.status import StatusError
from harness.standin.wire import LargeField, cut_large_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.standin.core import ServerCore

__all__ = ["GrpcOptions", "GrpcServer"]

# The command line's arguments do not change these: the size limits are fixed (item 32), and two servers never share
# a port.
_MAX_MESSAGE = 2**31 - 1
_FIXED_ARGUMENTS = {
    "grpc.so_reuseport": 0,
    "grpc.max_receive_message_length": _MAX_MESSAGE,
    "grpc.max_send_message_length": _MAX_MESSAGE,
}
_MAX_TEXT = 1024
_CUT = b"...TRUNCATED"
_CODES = {code.name: code for code in grpc.StatusCode}


@dataclass(frozen=True, kw_only=True)
class GrpcOptions:
    """Where and how the gRPC API is offered.

    Attributes:
        address: ``host:port`` to listen on, None for no TCP port.
        socket_path: path of a UNIX socket to listen on as well, None for none.
        num_threads: requests answered at the same time.
        arguments: channel arguments of the server, in order.
        credentials: TLS credentials, None for plain text.
        health: whether the health service is offered.
    """

    address: str | None
    socket_path: str | None = None
    num_threads: int = 8
    arguments: tuple[tuple[str, int | str], ...] = ()
    credentials: grpc.ServerCredentials | None = None
    health: bool = False


def cut(text: str) -> str:
    """A status text as gRPC carries it: 1024 bytes at most, then a mark (item 33).

    Bytes that are not UTF-8, one of them perhaps by the cut, are replaced as every client would on reading them.
    """
    data = text.encode("utf-8", "surrogateescape")
    return (data if len(data) <= _MAX_TEXT else data[:_MAX_TEXT] + _CUT).decode("utf-8", "replace")


@dataclass(frozen=True)
class _Call:
    """A parsed request; ``large`` is what was cut out of it, by input."""

    message: Any
    large: Mapping[str, LargeField]


@dataclass(frozen=True)
class _Method:
    """One method of the API: its request message, what answers it, and its name in metrics (none: not counted)."""

    request: Any
    answer: Callable[[ServerCore, _Call, float | None], Any]
    api: str = ""

    def parse(self, data: bytes) -> _Call | None:
        """Parse a request; None if it is no such message."""
        large: dict[str, LargeField] = {}
        if self.request is predict_pb2.PredictRequest:
            data, large = cut_large_tensors(data)
        try:
            return _Call(self.request.FromString(data), large)
        except DecodeError:
            return None


def _answer_predict(core: ServerCore, call: _Call, deadline_s: float | None) -> Any:
    with core.servable(_model_spec(call)) as servable:
        return serve_predict(core, servable, call.message, deadline_s, call.large)


def _with_servable(run: Callable[..., Any]) -> Callable[[ServerCore, _Call, float | None], Any]:
    """A handler that finds the request's servable and keeps it loaded during the run."""

    def answer(core: ServerCore, call: _Call, deadline_s: float | None) -> Any:
        with core.servable(_model_spec(call)) as servable:
            return run(core, servable, call.message, deadline_s)

    return answer


def _model_spec(call: _Call) -> Any:
    if not call.message.HasField("model_spec"):
        raise StatusError("INVALID_ARGUMENT", "Missing ModelSpec")
    return call.message.model_spec


_PREDICTION = {
    "Predict": _Method(predict_pb2.PredictRequest, _answer_predict, "Predict"),
    "Classify": _Method(classification_pb2.ClassificationRequest, _with_servable(run_classify), "Classify"),
    "Regress": _Method(regression_pb2.RegressionRequest, _with_servable(run_regress), "Regress"),
    "MultiInference": _Method(
        inference_pb2.MultiInferenceRequest,
        lambda core, call, deadline_s: run_multi_inference(core, call.message, deadline_s),
    ),
    "GetModelMetadata": _Method(
        get_model_metadata_pb2.GetModelMetadataRequest, lambda core, call, _: get_model_metadata(core, call.message)
    ),
}
_MODEL = {
    "GetModelStatus": _Method(
        get_model_status_pb2.GetModelStatusRequest, lambda core, call, _: get_model_status(core, call.message)
    ),
    "HandleReloadConfigRequest": _Method(
        model_management_pb2.ReloadConfigRequest, lambda core, call, _: handle_reload(core, call.message)
    ),
}
SERVICES = {"tensorflow.serving.PredictionService": _PREDICTION, "tensorflow.serving.ModelService": _MODEL}


def _handler(core: ServerCore, method: _Method) -> grpc.RpcMethodHandler[bytes, bytes]:
    """A grpcio handler from bytes to bytes for one method."""
    parse, answer, metrics = method.parse, method.answer, core.metrics

    def handle(data: bytes, context: grpc.ServicerContext) -> bytes:
        call = parse(data)
        if call is None:
            context.set_code(grpc.StatusCode.INTERNAL)
            return b""
        begin = time.perf_counter()
        code = "OK"
        try:
            reply = answer(core, call, context.time_remaining())
            return reply if isinstance(reply, bytes) else reply.SerializeToString()
        except StatusError as error:
            code = error.code
            context.set_code(_CODES[code])
            context.set_details(cut(error.message))
            return b""
        finally:
            if method.api:
                _report(metrics, call.message, method.api, code, time.perf_counter() - begin)

    return grpc.unary_unary_rpc_method_handler(handle)


def _report(metrics: Any, request: Any, api: str, code: str, seconds: float) -> None:
    name = request.model_spec.name
    metrics.count_request(name, code)
    if code == "OK":
        metrics.observe_latency(name, api, "GRPC", seconds * 1e6)


class GrpcServer:
    """A running gRPC server."""

    def __init__(self, core: ServerCore, options: GrpcOptions) -> None:
        """Open the port.

        Raises:
            OSError: the address or socket cannot be bound.
        """
        arguments = {**dict(options.arguments), **_FIXED_ARGUMENTS}
        self._pool = ThreadPoolExecutor(options.num_threads, "grpc")
        self._server = grpc.server(self._pool, options=list(arguments.items()))
        for service, methods in SERVICES.items():
            handlers = {name: _handler(core, method) for name, method in methods.items()}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        if options.health:
            add_health(self._server)
        add_reflection(self._server, health=options.health)
        self._server.add_generic_rpc_handlers((_Unknown(),))
        self._stopped = threading.Event()
        self.port = self._bind(options)
        self._server.start()

    def _bind(self, options: GrpcOptions) -> int | None:
        addresses = [options.address] if options.address else []
        ports = [self._add(address, options.credentials) for address in addresses]
        if options.socket_path:
            self._add(f"unix:{options.socket_path}", options.credentials)
        return ports[0] if ports else None

    def _add(self, address: str, credentials: grpc.ServerCredentials | None) -> int:
        try:
            if credentials is None or address.startswith("unix:"):
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, credentials)
        except RuntimeError as fault:
            raise OSError(f"cannot listen on {address}: {fault}") from None
        if not port:
            raise OSError(f"cannot listen on {address}")
        return int(port)

    def stop(self) -> None:
        """Close the port and drop what is under way."""
        self._server.stop(None).wait()
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Unknown(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    """Answers every method nobody else knows: UNIMPLEMENTED with empty details, where grpcio would write a text."""

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        """Answer whatever is called."""

        def refuse(_requests: Any, context: grpc.ServicerContext) -> Any:
            context.set_code(grpc.StatusCode.UNIMPLEMENTED)
            return iter(())

        return grpc.stream_stream_rpc_method_handler(refuse)
