"""Small servers to send load to, each on a port of its own and gone after the test."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from harness.endpoint import Endpoint
from harness.load import EncodedRequest, engines
from harness.load.answers import Keeper
from harness.load.job import Job
from harness.load.session import Session, Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


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
    """Does not print a connection that the client cut, and takes many at once."""

    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: tests cut connections on purpose."""


@pytest.fixture
def http_handler(counter: Counter) -> Callable[..., type[BaseHTTPRequestHandler]]:
    """Make an HTTP server's handler from ``answer(number, path, body)``, which gives status and body."""

    def make(
        answer: Callable[[int, str, bytes], tuple[int, bytes]] = lambda _number, _path, body: (200, body),
        protocol: str = "HTTP/1.1",
    ) -> type[BaseHTTPRequestHandler]:
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

        return Handler

    return make


@pytest.fixture
def http_server(http_handler: Callable[..., type[BaseHTTPRequestHandler]]) -> Iterator[Callable[..., Endpoint]]:
    """Start an HTTP server that answers as ``http_handler`` says; by default 200 and the body."""
    servers = []

    def start(*words: Any, **options: Any) -> Endpoint:
        server = _HttpServer(("127.0.0.1", 0), http_handler(*words, **options))
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


@pytest.fixture
def raw_server() -> Iterator[Callable[..., str]]:
    """Start a server whose ``serve(connection, number)`` is called with each connection that has said something."""
    stops: list[Callable[[], None]] = []

    def start(serve: Callable[[socket.socket, int], None], *, silent_ones: bool = False) -> str:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        connections: list[socket.socket] = []
        numbers = itertools.count(1)

        def talk(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                if silent_ones or connection.recv(1, socket.MSG_PEEK):
                    serve(connection, next(numbers))

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connections.append(listener.accept()[0])
                    threading.Thread(target=talk, args=(connections[-1],), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()

        def stop() -> None:
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            thread.join()
            listener.close()
            for connection in connections:
                connection.close()

        stops.append(stop)
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for stop in stops:
        stop()


@pytest.fixture
def run_here() -> Callable[..., Session]:
    """Run an engine in this process, without workers, and return its session: ``run_here(api, target, ...)``."""

    def run(
        api: str, *targets: str, bodies: Sequence[bytes] = (b"x",), duration_s: float = 0.3, **options: Any
    ) -> Session:
        most, interrupt_after_s = options.pop("most_requests", None), options.pop("interrupt_after_s", None)
        timing = Timing(duration_ns=round(duration_s * 1e9), warmup_bound_ns=0, most_requests=most)
        scheme = "https" if "tls" in options else "http"
        keep = options.get("keep_answers", 0)
        session = Session(timing, keeper=Keeper(keep) if keep else None)
        job = Job(
            engine=engines.DEFAULTS[api],
            targets=targets if api == "grpc" else tuple(f"{scheme}://{target}" for target in targets),
            timing=timing,
            requests=tuple(EncodedRequest(body=body, method="/a/b") for body in bodies),
            **{"concurrency": 4, "timeout_s": 5.0, **options},
        )
        if interrupt_after_s:
            threading.Timer(interrupt_after_s, session.interrupt).start()
        engines.engine(job.engine)(job, session)
        return session

    return run
