"""How fast the stand-in's REST API is, as a ratio to a bare server on the same HTTP library.

The bare server reads requests with h11 and answers each with the same constant bytes: no JSON, no model. Both get
the same load, from processes of their own, one after the other in each round, so a busy machine slows both.

    python benchmarks/standin_rest.py --model-base-path PATH/half_plus_two
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import selectors
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODELS = Path(__file__).parents[1] / "tests" / "conformance" / "corpus" / "models"
_BODY = b'{"instances": [1.0, 2.0, 5.0]}'
_START_S = 120.0


def main() -> None:
    """Print a table of rates and ratios."""
    options = _options()
    if options.bare_port:
        serve_bare(options.bare_port)
        return
    ratios: dict[int, list[float]] = {concurrency: [] for concurrency in options.concurrency}
    print(f"{'round':>5} {'concurrency':>11} {'bare req/s':>11} {'stand-in req/s':>15} {'ratio':>6}")
    with _bare() as bare_port, _standin(options.model_base_path) as standin_port:
        for number in range(1, options.rounds + 1):
            for concurrency in options.concurrency:
                bare = _rate(bare_port, concurrency, options.seconds)
                standin = _rate(standin_port, concurrency, options.seconds)
                ratios[concurrency].append(standin / bare)
                print(f"{number:5} {concurrency:11} {bare:11.0f} {standin:15.0f} {standin / bare:6.2f}", flush=True)
    for concurrency, values in ratios.items():
        print(f"median ratio at concurrency {concurrency}: {statistics.median(values):.2f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-base-path", default=str(_MODELS / "half_plus_two"), help="a model with one input x")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load per measurement")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[8, 1])
    parser.add_argument("--bare-port", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def serve_bare(port: int) -> None:
    """Answer every request with a constant, one thread per connection."""
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve_connection, args=(connection,), daemon=True).start()


def _serve_connection(connection: socket.socket) -> None:
    body = b'{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    http = h11.Connection(h11.SERVER)
    with connection, contextlib.suppress(OSError, h11.ProtocolError):
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(connection.recv(1 << 16))
            elif type(event) is h11.EndOfMessage:
                parts = (h11.Response(status_code=200, headers=headers), h11.Data(data=body), h11.EndOfMessage())
                connection.sendall(b"".join(http.send(part) or b"" for part in parts))
                http.start_next_cycle()
            elif type(event) is h11.ConnectionClosed:
                return


@contextlib.contextmanager
def _bare() -> Iterator[int]:
    port = _free_port()
    with _process([sys.executable, __file__, "--bare-port", str(port)]):
        _await_port(port)
        yield port


@contextlib.contextmanager
def _standin(model_base_path: str) -> Iterator[int]:
    port = _free_port()
    flags = [f"--port={_free_port()}", f"--rest_api_port={port}", "--model_name=m"]
    path = Path(model_base_path).resolve()
    with _process([sys.executable, "-m", "harness.standin", *flags, f"--model_base_path={path}"]):
        _await_port(port)
        yield port


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _await_port(port: int) -> None:
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port} after {_START_S:.0f} s")


def _rate(port: int, concurrency: int, seconds: float) -> float:
    """Return the requests per second of a closed loop, from up to two processes."""
    shares = [concurrency] if concurrency == 1 else [concurrency - concurrency // 2, concurrency // 2]
    with multiprocessing.get_context("spawn").Pool(len(shares)) as pool:
        counts = pool.starmap(_load, [(port, share, seconds) for share in shares])
    return sum(counts) / seconds


def _load(port: int, connections: int, seconds: float) -> int:
    """Keep that many requests in flight and count the answers of the last ``seconds``."""
    head = f"POST /v1/models/m:predict HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: {len(_BODY)}\r\n\r\n"
    request = head.encode() + _BODY
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ)
        sock.sendall(request)
    count = 0
    begin_s = time.monotonic() + 1.0  # warm-up
    end_s = begin_s + seconds
    while (now_s := time.monotonic()) < end_s:
        for key, _ in selector.select(1.0):
            reply = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
            if not reply.startswith(b"HTTP/1.1 200") or not reply.endswith(b"}"):
                raise SystemExit(f"unexpected answer: {json.dumps(reply.decode(errors='replace'))}")
            count += now_s >= begin_s
            key.fileobj.sendall(request)  # type: ignore[union-attr]
    return count


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
