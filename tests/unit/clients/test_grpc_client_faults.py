"""What GrpcClient says when a call brings no answer."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from harness import Endpoint, GrpcClient
from harness.errors import (
    ConnectionFailedError,
    DeadlineError,
    ResponseError,
    StatusError,
    TensorError,
    UsageError,
    WrongProtocolError,
)
from harness.protos import (
    predict_pb2,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_ONES = np.ones(2, np.float32)


def _abort(code: grpc.StatusCode, details: str) -> Callable[[Any, Any], None]:
    return lambda _request, context: context.abort(code, details)


def _at(address: str, **options: Any) -> GrpcClient:
    return GrpcClient(Endpoint(grpc=address, rest=None, model="m"), timeout_s=10, **options)


@pytest.mark.parametrize(
    ("code", "details", "hint"),
    [
        (grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(m)", r"client.model_status\(\)"),
        (grpc.StatusCode.INVALID_ARGUMENT, "Unrecognized servable version label: x", "version_labels"),
        (grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "s" not found.', r"client.signatures\(\)"),
        (grpc.StatusCode.INVALID_ARGUMENT, "No signature was found with the name: s", r"client.signatures\(\)"),
        (grpc.StatusCode.INVALID_ARGUMENT, "Requested signature not found in model graph: s", r"client.signatures\(\)"),
        (grpc.StatusCode.INVALID_ARGUMENT, "Expects arg[0] to be float but double is provided", "casts nothing"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted", "--grpc_max_threads"),
        (grpc.StatusCode.UNAVAILABLE, "The batch scheduling queue to which this task was submitted is full", None),
        (grpc.StatusCode.INTERNAL, "", None),
    ],
)
def test_refusals_carry_code_text_and_a_hint(
    grpc_client: GrpcClient, fake_grpc: Any, code: grpc.StatusCode, details: str, hint: str | None
) -> None:
    """A status error has the server's code and whole text, what was asked, and advice for well-known texts."""
    fake_grpc.answers["Predict"] = _abort(code, details)
    with pytest.raises(StatusError, match=hint) as caught:
        grpc_client.predict({"x": _ONES}, version=0)
    error = caught.value
    assert (error.code, error.server_message, error.http_status) == (code.name, details, None)
    assert error.request == "predict model=m version=0 signature=serving_default"
    assert ("hint:" in str(error)) == (hint is not None)


def test_an_unreadable_tensor_in_an_answer_is_named(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """An output that is no array is a ResponseError that names it."""
    response = predict_pb2.PredictResponse()
    response.outputs["y"].dtype = 20
    fake_grpc.answers["Predict"] = lambda _request, _context: response
    with pytest.raises(ResponseError, match="y: resource tensors cannot be held"):
        grpc_client.predict({"x": _ONES})


def test_a_message_of_another_kind_is_a_response_error(start_generic: Callable[..., Any]) -> None:
    """Bytes that are no PredictResponse cannot be read."""
    address, _server = start_generic(lambda _request, _context: b"\xff\xff\xff")
    with _at(address) as client, pytest.raises(ResponseError, match="not the expected message"):
        client.predict({"x": _ONES})


def test_another_grpc_service_is_told_apart(start_grpc: Callable[..., str]) -> None:
    """A gRPC server without TensorFlow Serving's API answers UNIMPLEMENTED; the hint says what that means."""
    with _at(start_grpc(None)) as client, pytest.raises(StatusError, match="not TensorFlow Serving's API") as caught:
        client.predict({"x": _ONES})
    assert caught.value.code == "UNIMPLEMENTED"


def test_a_refused_port_is_a_connection_error(closed_port: int) -> None:
    """Where nothing listens, the error says so at once."""
    with _at(f"127.0.0.1:{closed_port}") as client, pytest.raises(ConnectionFailedError, match="nothing answers there"):
        client.predict({"x": _ONES})


def test_an_unknown_host_is_a_connection_error() -> None:
    """A name that cannot be resolved is no server's status."""
    with _at("no-such-host.invalid:1") as client, pytest.raises(ConnectionFailedError, match="host cannot be found"):
        client.predict({"x": _ONES})


def test_a_missing_socket_file_is_a_connection_error(tmp_path: Any) -> None:
    """A Unix socket that is not there is no server."""
    with _at(f"unix:{tmp_path}/none.sock") as client, pytest.raises(ConnectionFailedError, match="nothing answers"):
        client.predict({"x": _ONES})


def test_a_rest_port_is_told_apart(fake_rest: Any) -> None:
    """An HTTP/1.1 server is no gRPC server; the error suggests the port."""
    address = fake_rest.url.removeprefix("http://")
    with _at(address) as client, pytest.raises(WrongProtocolError, match=r"does not speak gRPC .* 8500"):
        client.predict({"x": _ONES})


def test_the_deadline_ends_a_call(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """A call that takes longer than its limit is a DeadlineError that names the limit."""
    released = threading.Event()

    def slow(_request: Any, _context: Any) -> Any:
        released.wait(10)
        return predict_pb2.PredictResponse()

    fake_grpc.answers["Predict"] = slow
    began = time.monotonic()
    try:
        with pytest.raises(DeadlineError, match=r"no answer within 0.2 s .*; raise timeout_s"):
            grpc_client.predict({"x": _ONES}, timeout_s=0.2)
    finally:
        released.set()
    assert time.monotonic() - began < 5


def test_the_deadline_holds_for_the_signature_too(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """The limit of a call is also that of the metadata request it needs first."""
    released = threading.Event()
    fake_grpc.answers["GetModelMetadata"] = lambda *_: released.wait(10)
    try:
        with pytest.raises(DeadlineError, match=r"within 0.2 s"):
            grpc_client.predict({"x": [1.0]}, timeout_s=0.2)
    finally:
        released.set()


def test_a_lost_connection_is_told_from_an_absent_server() -> None:
    """A server that goes away after the connection was made is a connection that was lost."""
    settings = b"\0\0\0\x04\0\0\0\0\0"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def hang_up_in_the_call() -> None:
            connection, _peer = listener.accept()
            with connection:
                connection.sendall(settings)
                received = b""
                while b"Predict" not in received and b"PredictionService" not in received and len(received) < 200:
                    received += connection.recv(4096)

        thread = threading.Thread(target=hang_up_in_the_call)
        thread.start()
        with (
            _at(f"127.0.0.1:{listener.getsockname()[1]}") as client,
            pytest.raises(ConnectionFailedError, match="the connection was lost before the answer came"),
        ):
            client.predict({"x": _ONES})
        thread.join(10)


def test_a_closed_client_says_so(grpc_client: GrpcClient) -> None:
    """After close() calls are refused; closing again does no harm."""
    grpc_client.close()
    grpc_client.close()
    with pytest.raises(UsageError, match="was closed; make a new one"):
        grpc_client.predict({"x": _ONES})


@pytest.mark.parametrize("headers", [{"bad header": "x"}, {"x": "a\nb"}])
def test_unsendable_headers_are_a_usage_error(
    start_grpc: Callable[..., str], fake_grpc: Any, headers: dict[str, str]
) -> None:
    """Headers that cannot be metadata are the caller's mistake, not the server's status."""
    with (
        _at(start_grpc(fake_grpc), headers=headers) as client,
        pytest.raises(UsageError, match="headers cannot be sent"),
    ):
        client.predict({"x": _ONES})


@pytest.mark.parametrize("address", ["http://127.0.0.1:8500", "https://h:1", "grpc://h:1"])
def test_urls_are_no_grpc_addresses(address: str) -> None:
    """A URL is refused when the client is made."""
    with pytest.raises(UsageError, match="is a URL, but a gRPC address is HOST:PORT"):
        _at(address)


def test_an_endpoint_without_grpc_is_refused() -> None:
    """A REST-only endpoint is for RestClient."""
    with pytest.raises(UsageError, match="'m' has no gRPC address; use RestClient"):
        GrpcClient(Endpoint(grpc=None, rest="http://h:1", model="m"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"inputs": [1.0]}, "inputs are given by name"),
        ({"inputs": {1: 1.0}}, "input names are text"),
        ({"inputs": {"x": _ONES}, "output_filter": "y"}, r"output_filter takes several names: give \['y'\]"),
        ({"inputs": {"x": _ONES}, "version": 1, "label": "a"}, "not to both"),
    ],
)
def test_misuse_is_refused_before_anything_is_sent(
    grpc_client: GrpcClient, fake_grpc: Any, options: dict[str, Any], text: str
) -> None:
    """Inputs, filters and versions of another form are usage errors; the server hears nothing."""
    with pytest.raises(UsageError, match=text):
        grpc_client.predict(**options)
    assert fake_grpc.calls == []


def test_an_array_no_tensor_holds_names_its_input(grpc_client: GrpcClient) -> None:
    """The message names the input, not just 'value'."""
    with pytest.raises(TensorError, match=r"x: a string tensor holds .* element 0 is int"):
        grpc_client.predict({"x": np.array([1, None], dtype=object)})
    with pytest.raises(TensorError, match="x: a NumPy array of dtype datetime64"):
        grpc_client.predict({"x": np.array(["2020-01-01"], "datetime64[D]")})
