"""What RestClient says when a call brings no answer."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import Endpoint, RestClient
from harness.errors import (
    ConnectionFailedError,
    DeadlineError,
    ResponseError,
    StatusError,
    UsageError,
    WrongProtocolError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_ONES = np.ones(2, np.float32)
_PREDICT = "/v1/models/m:predict"
_METADATA = "/v1/models/m/metadata"


def _at(url: str, **options: Any) -> RestClient:
    return RestClient(Endpoint(grpc=None, rest=url, model="m"), timeout_s=10, **options)


@pytest.mark.parametrize(
    ("status", "body", "code", "text"),
    [
        (
            400,
            b'{"error": "Missing \'inputs\'"}',
            "INVALID_ARGUMENT",
            r"INVALID_ARGUMENT \(HTTP 400\): Missing 'inputs'",
        ),
        (404, b'{"error": "Servable not found for request: Latest(m)"}', "NOT_FOUND", r"hint: .*model_status\(\)"),
        (
            400,
            b'{"error": "Serving signature name: \\"s\\" not found in signature def"}',
            "INVALID_ARGUMENT",
            r"hint: .*client.signatures\(\)",
        ),
        (429, b'{"error": "busy"}', "RESOURCE_EXHAUSTED", "busy"),
        (503, b'{"error": "full"}', "UNAVAILABLE", "full"),
        (500, b'{"error": "oops"}', "INTERNAL", "oops"),
        (400, b"", "INVALID_ARGUMENT", r"\(no text\)"),
        (418, b"", "UNKNOWN", r"UNKNOWN \(HTTP 418\)"),
        (
            404,
            b"<HTML><TITLE>404</TITLE>\n<H1>Not  Found</H1></HTML>",
            "NOT_FOUND",
            r"404 Not Found\n  hint: this is not",
        ),
        (502, b"\xff\xfe bad gateway", "UNKNOWN", "does something else answer at this address"),
        (400, b'{"error": 7}', "INVALID_ARGUMENT", "does something else answer"),
        (400, b'["error"]', "INVALID_ARGUMENT", "does something else answer"),
        (500, b"x" * 10_000, "INTERNAL", "x" * 500 + "\n"),
    ],
)
def test_error_answers_keep_their_text(
    rest_client: RestClient, fake_rest: Any, status: int, body: bytes, code: str, text: str
) -> None:
    """An error has the canonical code, the HTTP status and the server's text, also where that is no JSON."""
    fake_rest.answers[_PREDICT] = (status, body)
    with pytest.raises(StatusError, match=text) as caught:
        rest_client.predict({"x": _ONES})
    assert (caught.value.code, caught.value.http_status) == (code, status)
    assert caught.value.request == "predict model=m version=latest signature=serving_default"


def test_a_gateways_timeout_is_a_deadline_error(rest_client: RestClient, fake_rest: Any) -> None:
    """504 means that the server gave up (behaviour item 128)."""
    fake_rest.answers[_PREDICT] = (504, {"error": "Timed out waiting for notification"})
    with pytest.raises(DeadlineError, match=r"the server gave up: Timed out .*--rest_api_timeout_in_ms"):
        rest_client.predict({"x": _ONES})


def test_a_redirect_is_not_followed(rest_client: RestClient, fake_rest: Any) -> None:
    """Following a redirect would turn POST into GET: it is an error that names the other address."""
    fake_rest.answers[_PREDICT] = (301, b"", {"Location": "https://elsewhere/"})
    with pytest.raises(StatusError, match="redirects to https://elsewhere/; give the address that answers itself"):
        rest_client.predict({"x": _ONES})
    assert fake_rest.paths() == [_PREDICT]


def _cut_off(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"outputs": [')
    handler.close_connection = True


def _bad_gzip(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", "4")
    handler.end_headers()
    handler.wfile.write(b"nope")


def _bad_chunks(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"zz\r\n")
    handler.close_connection = True


@pytest.mark.parametrize("answer", [_cut_off, _bad_gzip, _bad_chunks])
def test_a_broken_answer_is_no_absent_server(
    rest_client: RestClient, fake_rest: Any, answer: Callable[[Any], None]
) -> None:
    """An answer that breaks off or cannot be unpacked is a ResponseError: something did answer."""
    fake_rest.answers[_PREDICT] = answer
    with pytest.raises(ResponseError, match="the answer broke off or cannot be unpacked"):
        rest_client.predict({"x": _ONES})


@pytest.mark.parametrize("in_body", [False, True])
def test_a_slow_answer_is_a_deadline_error(rest_client: RestClient, fake_rest: Any, in_body: bool) -> None:  # noqa: FBT001
    """An answer that does not come, or stops half-way, ends at the call's limit."""
    released = threading.Event()

    def stall(handler: Any) -> None:
        if in_body:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b'{"outputs": [')
            handler.wfile.flush()
        released.wait(10)
        handler.close_connection = True

    fake_rest.answers[_PREDICT] = stall
    try:
        with pytest.raises(DeadlineError, match=r"no answer within 0.2 s .*; raise timeout_s"):
            rest_client.predict({"x": _ONES}, timeout_s=0.2)
    finally:
        released.set()


def test_a_refused_port_is_a_connection_error(closed_port: int) -> None:
    """Where nothing listens, the error says so and where to look."""
    with (
        _at(f"http://127.0.0.1:{closed_port}") as client,
        pytest.raises(ConnectionFailedError, match=r"nothing answers there \(ConnectionRefusedError.*--rest_api_port"),
    ):
        client.predict({"x": _ONES})


def test_an_unknown_host_is_a_connection_error() -> None:
    """A name that cannot be resolved is nobody's address."""
    with _at("http://no-such-host.invalid") as client, pytest.raises(ConnectionFailedError, match="nothing answers"):
        client.predict({"x": _ONES})


def test_a_grpc_port_is_told_apart(start_grpc: Callable[..., str], fake_grpc: Any) -> None:
    """A gRPC server is no REST server; the error is printable and suggests the port."""
    with (
        _at(f"http://{start_grpc(fake_grpc)}") as client,
        pytest.raises(WrongProtocolError, match=r"does not speak HTTP/1.1 .* REST has 8501") as caught,
    ):
        client.predict({"x": _ONES})
    assert str(caught.value).replace("\n", "").isprintable()


def test_a_connection_that_is_closed_at_once_is_lost() -> None:
    """A server that hangs up without an answer is named as such."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _peer = listener.accept()
            with connection:
                connection.recv(65536)

        thread = threading.Thread(target=hang_up)
        thread.start()
        with (
            _at(f"http://127.0.0.1:{listener.getsockname()[1]}") as client,
            pytest.raises(ConnectionFailedError, match="the connection was closed before an answer came"),
        ):
            client.predict({"x": _ONES})
        thread.join(10)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8501", "ftp://h", "http://", "http://bad host", "http://[::1", "http://" + "a" * 70 + ".com"]
)
def test_unusable_addresses_are_a_usage_error(address: str) -> None:
    """An address that no URL can be made of is the caller's mistake."""
    with (
        _at(address) as client,
        pytest.raises(UsageError, match=r"is not an address for REST calls .*http://HOST:PORT"),
    ):
        client.predict({"x": _ONES})


@pytest.mark.parametrize("headers", [{"x": "a\nb"}, {"x": "日本"}])
def test_unsendable_headers_are_a_usage_error(fake_rest: Any, headers: dict[str, str]) -> None:
    """Headers that HTTP cannot carry are the caller's mistake, not an absent server."""
    with _at(fake_rest.url, headers=headers) as client, pytest.raises(UsageError, match="headers cannot be sent"):
        client.predict({"x": _ONES})


def test_an_endpoint_without_rest_is_refused() -> None:
    """A gRPC-only endpoint is for GrpcClient."""
    with pytest.raises(UsageError, match="'m' has no REST address; use GrpcClient"):
        RestClient(Endpoint(grpc="h:1", rest=None, model="m"))


def test_a_closed_client_says_so(rest_client: RestClient, fake_rest: Any) -> None:
    """After close() calls are refused; closing again does no harm."""
    rest_client.close()
    rest_client.close()
    with pytest.raises(UsageError, match="was closed; make a new one"):
        rest_client.predict({"x": _ONES})
    assert fake_rest.requests == []
