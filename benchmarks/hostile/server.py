"""The stand-in under attack: started, talked to, probed and watched."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.hostile.tally import Tally

__all__ = ["PROBE", "REPLY_S", "Server", "exchange", "post", "probe", "running_server", "watched"]

PROBE = b'{"instances": [1.0, 2.0, 5.0]}'
REPLY_S = 60.0
_ROOT = Path(__file__).parents[2]
_MODEL = _ROOT / "tests" / "conformance" / "corpus" / "models" / "half_plus_two"
_ANSWER = b'{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'
_START_S = 120.0


@dataclass(frozen=True)
class Server:
    """The running stand-in."""

    process: subprocess.Popen[bytes]
    rest_port: int
    grpc_port: int


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Start a stand-in on a model of one input."""
    rest_port, grpc_port = _free_port(), _free_port()
    flags = [f"--port={grpc_port}", f"--rest_api_port={rest_port}", "--model_name=m", "--max_num_load_retries=0"]
    with tempfile.TemporaryDirectory() as base_path:
        Path(base_path, "1").symlink_to(_MODEL / "1")
        command = [sys.executable, "-m", "harness.standin", *flags, f"--model_base_path={base_path}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=_ROOT) as process:
            try:
                _await_port(rest_port, process)
                yield Server(process, rest_port, grpc_port)
            finally:
                process.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"the stand-in does not listen on port {port}: run it by hand to see why")


@contextlib.contextmanager
def watched(server: Server, tally: Tally) -> Iterator[None]:
    """Probe the server and look at its memory twice a second."""
    done = threading.Event()

    def watch() -> None:
        process = psutil.Process(server.process.pid)
        while not done.wait(0.5):
            with contextlib.suppress(psutil.Error):
                tally.peak_rss_bytes = max(tally.peak_rss_bytes, process.memory_info().rss)
            probe(server, tally)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def probe(server: Server, tally: Tally) -> bool:
    """Ask for a prediction; tell whether it came and is right."""
    begin_s = time.monotonic()
    reply = exchange(server, post(PROBE))
    tally.slowest_probe_s = max(tally.slowest_probe_s, time.monotonic() - begin_s)
    right = reply.endswith(_ANSWER)
    if not right:
        tally.wrong_probes.append(repr(reply[:200]))
    return right


def exchange(server: Server, request: bytes) -> bytes:
    """Send bytes on a new connection and return all that comes back."""
    parts = []
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.rest_port), REPLY_S) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
        while data := sock.recv(1 << 16):
            parts.append(data)
    return b"".join(parts)


def post(body: bytes, target: bytes = b"/v1/models/m:predict", *headers: bytes) -> bytes:
    """Return a POST that asks for the connection to be closed."""
    lines = (b"POST " + target + b" HTTP/1.1", b"Host: h", b"Connection: close", b"Content-Length: %d" % len(body))
    return b"\r\n".join((*lines, *headers)) + b"\r\n\r\n" + body
