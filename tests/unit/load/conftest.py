"""Small servers to send load to, each on a port of its own and gone after the test."""

from __future__ import annotations

import socket
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from harness.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Counter:
    """Counts requests, and lets a test wait for a number of them."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.methods: set[str] = set()
        self.n = 0
        self._changed = threading.Condition()

    def add(self) -> int:
        """Count one and return which it is."""
        with self._changed:
            self.n += 1
            self._changed.notify_all()
            return self.n

    def wait_for_more(self, number: int) -> None:
        """Wait until so many more have come."""
        with self._changed:
            wanted = self.n + number
            assert self._changed.wait_for(lambda: self.n >= wanted, timeout=60)


@pytest.fixture
def counter() -> Counter:
    """How many requests the test's server has seen."""
    return Counter()


@pytest.fixture
def grpc_server(counter: Counter) -> Iterator[Callable[..., Endpoint]]:
    """Start a gRPC server that answers any method with ``answer(number, body, context)``, an echo by default."""
    servers = []

    def start(answer: Callable[[int, bytes, Any], bytes] = lambda _number, body, _context: body) -> Endpoint:
        class AnyMethod(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
            def service(self, details: Any) -> Any:
                counter.methods.add(details.method)
                return grpc.unary_unary_rpc_method_handler(lambda body, context: answer(counter.add(), body, context))

        server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)])
        server.add_generic_rpc_handlers((AnyMethod(),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return Endpoint(grpc=f"127.0.0.1:{port}", rest=None, model="m")

    yield start
    for server in servers:
        server.stop(None).wait()


class _HttpServer(ThreadingHTTPServer):
    """Does not print a connection that the client cut."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: tests cut connections on purpose."""


@pytest.fixture
def http_server(counter: Counter) -> Iterator[Callable[..., Endpoint]]:
    """Start an HTTP server whose ``answer(number, path, body)`` gives status and body; by default 200 and the body."""
    servers = []

    def start(
        answer: Callable[[int, str, bytes], tuple[int, bytes]] = lambda _number, _path, body: (200, body),
        *,
        protocol: str = "HTTP/1.1",
    ) -> Endpoint:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = protocol
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, reply = answer(counter.add(), self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        server = _HttpServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
        return Endpoint(grpc=None, rest=f"http://127.0.0.1:{server.server_address[1]}", model="m")

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def silent_address() -> Iterator[str]:
    """An address that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed_address() -> str:
    """An address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"127.0.0.1:{port}"
