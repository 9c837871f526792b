"""Throw generated garbage at a stand-in and see that it stays alive, answers, and gives nothing away.

Requests are drawn from a seeded generator: random bytes, mutated JSON, deep nesting, huge numbers, odd URLs and
frames over REST, mutated messages over gRPC. Beside them stand 500 idle connections and clients that send a byte a
second, and a few bodies of 100 MB. Throughout, a probe asks for a prediction and must get the right one.

    python benchmarks/hostile.py [--requests 20000] [--seed 1]

Exit code 0 if the server survived, answered every probe, stayed within its memory bound, and no reply held a local
path or a traceback.
"""

from __future__ import annotations

import argparse
import base64
import collections
import contextlib
import gzip
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.protos import predict_pb2, types_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = Path(__file__).parents[1]
_MODEL = _ROOT / "tests" / "conformance" / "corpus" / "models" / "half_plus_two"
_PROBE = b'{"instances": [1.0, 2.0, 5.0]}'
_ANSWER = b'{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'
_START_S, _REPLY_S = 120.0, 60.0
_MAX_RSS_BYTES = 2 << 30
_IDLE_CONNECTIONS = 500
_LARGE_BYTES = 100_000_000

# What no reply may hold: a place in a file system, or Python's inside.
_LEAK = re.compile(
    rb'Traceback|File \\?"|\.py\b|site-packages|/usr/lib|/home/|/root/|'
    + re.escape(str(_ROOT).encode())
    + rb"|"
    + re.escape(tempfile.gettempdir().encode() + b"/")
)


@dataclass
class Tally:
    """What came back."""

    replies: collections.Counter[str] = field(default_factory=collections.Counter)
    leaks: list[bytes] = field(default_factory=list)
    wrong_probes: list[str] = field(default_factory=list)
    slowest_probe_s: float = 0.0
    peak_rss_bytes: int = 0

    def take(self, kind: str, reply: bytes) -> None:
        """Count a reply by its status line, and look for leaks."""
        status = reply.split(b"\r\n", 1)[0][9:12].decode(errors="replace") if reply else "closed"
        self.replies[f"{kind} {status}"] += 1
        if _LEAK.search(reply):
            self.leaks.append(reply[:500])


@dataclass(frozen=True)
class Server:
    """The running stand-in."""

    process: subprocess.Popen[bytes]
    rest_port: int
    grpc_port: int


def main() -> int:
    """Run, print the counts, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)  # noqa: S311 - reproducible garbage, no secrets
    tally = Tally()
    begin_s = time.monotonic()
    with _server() as server, contextlib.ExitStack() as stack:
        stack.enter_context(_watch(server, tally))
        _bother(server, stack)
        _send_generated(server, rng, options.requests, tally)
        _send_large(server, tally)
        alive = server.process.poll() is None and _probe(server, tally)
    return _report(tally, options, time.monotonic() - begin_s, alive=alive)


def _report(tally: Tally, options: argparse.Namespace, seconds: float, *, alive: bool) -> int:
    """Print what happened; return 0 if all is well."""
    for kind, count in sorted(tally.replies.items()):
        print(f"{count:8}  {kind}")
    print(f"{options.requests} requests, seed {options.seed}, {seconds:.0f} s")
    print(f"alive and answering at the end: {alive}")
    print(f"probes answered wrongly: {len(tally.wrong_probes)} {tally.wrong_probes[:3]}")
    print(f"slowest probe: {tally.slowest_probe_s:.2f} s, peak RSS: {tally.peak_rss_bytes / 2**20:.0f} MiB")
    print(f"replies with a path or a traceback: {len(tally.leaks)} {tally.leaks[:3]}")
    unexpected = sum(count for kind, count in tally.replies.items() if kind.endswith(" 500"))
    print(f"replies with status 500: {unexpected}")
    bounded = tally.peak_rss_bytes < _MAX_RSS_BYTES
    return 0 if alive and bounded and not (tally.leaks or tally.wrong_probes) else 1


@contextlib.contextmanager
def _server() -> Iterator[Server]:
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
def _watch(server: Server, tally: Tally) -> Iterator[None]:
    """Probe the server and look at its memory twice a second."""
    done = threading.Event()

    def watch() -> None:
        process = psutil.Process(server.process.pid)
        while not done.wait(0.5):
            with contextlib.suppress(psutil.Error):
                tally.peak_rss_bytes = max(tally.peak_rss_bytes, process.memory_info().rss)
            _probe(server, tally)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _probe(server: Server, tally: Tally) -> bool:
    """Ask for a prediction; tell whether it came and is right."""
    begin_s = time.monotonic()
    reply = _exchange(server, _post(_PROBE))
    tally.slowest_probe_s = max(tally.slowest_probe_s, time.monotonic() - begin_s)
    right = reply.endswith(_ANSWER)
    if not right:
        tally.wrong_probes.append(repr(reply[:200]))
    return right


def _exchange(server: Server, request: bytes) -> bytes:
    """Send bytes on a new connection and return all that comes back."""
    parts = []
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.rest_port), _REPLY_S) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
        while data := sock.recv(1 << 16):
            parts.append(data)
    return b"".join(parts)


def _post(body: bytes, target: bytes = b"/v1/models/m:predict", *headers: bytes) -> bytes:
    lines = (b"POST " + target + b" HTTP/1.1", b"Host: h", b"Connection: close", b"Content-Length: %d" % len(body))
    return b"\r\n".join((*lines, *headers)) + b"\r\n\r\n" + body


def _bother(server: Server, stack: contextlib.ExitStack) -> None:
    """Open idle connections, and some that send a byte a second."""
    address = ("127.0.0.1", server.rest_port)
    idle = [stack.enter_context(socket.create_connection(address, _REPLY_S)) for _ in range(_IDLE_CONNECTIONS)]
    done = threading.Event()

    def trickle() -> None:
        request = _post(b" " * 100_000)
        position = 0
        while not done.wait(1.0):
            for sock in idle[:50]:
                with contextlib.suppress(OSError):
                    sock.send(request[position : position + 1])
            position += 1

    thread = threading.Thread(target=trickle)
    thread.start()
    stack.callback(thread.join)
    stack.callback(done.set)


def _send_generated(server: Server, rng: random.Random, requests: int, tally: Tally) -> None:
    """Send the generated requests, REST from several threads, every tenth over gRPC."""
    drawn = [rng.choice(_KINDS) for _ in range(requests)]
    jobs = [(kind.__name__.strip("_"), kind(random.Random(rng.random()))) for kind in drawn]  # noqa: S311 - as above
    lock = threading.Lock()
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict", bytes, bytes)

        def work() -> None:
            while True:
                with lock:
                    if not jobs:
                        return
                    name, data = jobs.pop()
                reply = _grpc(call, data) if name.startswith("grpc") else _exchange(server, data)
                with lock:
                    tally.take(name, reply)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _grpc(call: Any, data: bytes) -> bytes:
    """Call Predict with these bytes; return something like a reply."""
    try:
        return b"grpc/1.1 OK \r\n" + bytes(call(data, timeout=_REPLY_S))
    except grpc.RpcError as error:
        code = error.code().value[0]
        return b"grpc/1.1 %3d\r\n" % code + str(error.details()).encode()


def _send_large(server: Server, tally: Tally) -> None:
    """Send a few bodies of 100 MB: numbers, brackets, one string, noise, and a bomb."""
    bodies = {
        "large numbers": b'{"instances": [' + b"1.0," * (_LARGE_BYTES // 4) + b"1.0]}",
        "large nesting": b'{"instances": ' + b"[" * _LARGE_BYTES,
        "large string": b'{"instances": "' + b"a" * _LARGE_BYTES + b'"}',
        "large noise": random.Random(0).randbytes(_LARGE_BYTES),  # noqa: S311 - reproducible
    }
    for name, body in bodies.items():
        tally.take(name, _exchange(server, _post(body)))
    bomb = gzip.compress(b" " * (2 * _LARGE_BYTES))
    tally.take("gzip bomb", _exchange(server, _post(bomb, b"/v1/models/m:predict", b"Content-Encoding: gzip")))


def _random_bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(1, 300))


def _random_body(rng: random.Random) -> bytes:
    return _post(rng.randbytes(rng.randrange(300)))


def _mutated_json(rng: random.Random) -> bytes:
    body = bytearray(json.dumps(_document(rng)).encode())
    for _ in range(rng.randrange(4)):
        _mutate(rng, body)
    verb = rng.choice((b"predict", b"predict", b"classify", b"regress"))
    return _post(bytes(body), b"/v1/models/m:" + verb)


def _mutate(rng: random.Random, data: bytearray) -> None:
    """Change, drop, double or insert something."""
    place = rng.randrange(len(data) + 1)
    action = rng.randrange(4)
    if action == 0 and place < len(data):
        data[place] = rng.randrange(256)
    elif action == 1:
        del data[place : place + rng.randrange(1, 8)]
    elif action == 2:
        data[place:place] = data[place : place + rng.randrange(1, 20)]
    else:
        data[place:place] = rng.choice((b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\u", b"1e999", b"\x00", b"NaN"))


def _document(rng: random.Random) -> Any:
    """Return a request that is nearly right."""
    signature = rng.choice(("serving_default", "", "classify", "regress", "nope", 5, None))
    key = rng.choice(("instances", "inputs", "examples", "instances"))
    document = {key: _value(rng, 3)}
    if rng.random() < 0.4:
        document["signature_name"] = signature
    if rng.random() < 0.1:
        document["context"] = _value(rng, 2)
    return document


def _value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(9 if depth else 6)
    scalars: tuple[Callable[[], Any], ...] = (
        lambda: rng.uniform(-1e6, 1e6),
        lambda: rng.randrange(-(2**65), 2**65),
        lambda: rng.choice((True, False, None)),
        lambda: rng.choice(("a", "é", "\x00", "x" * 400, "/v1/../../etc/passwd")),
        lambda: {"b64": base64.b64encode(rng.randbytes(4)).decode()[: rng.randrange(9)]},
        lambda: rng.random() * 10.0 ** rng.randrange(-300, 300),
    )
    if kind < len(scalars):
        return scalars[kind]()
    if kind == 6:
        return {rng.choice(("x", "b64", "y", "")): _value(rng, depth - 1) for _ in range(rng.randrange(3))}
    return [_value(rng, depth - 1) for _ in range(rng.randrange(5))]


def _deep_nesting(rng: random.Random) -> bytes:
    depth = rng.choice((100, 1000, 20_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"x":', b"}"), (b'[{"x":', b"}]")))
    closed = closing * rng.choice((depth, depth - 1, 0))
    return _post(b'{"%s": ' % rng.choice((b"instances", b"inputs")) + opening * depth + b"1" + closed + b"}")


def _huge_numbers(rng: random.Random) -> bytes:
    digits = b"9" * rng.choice((20, 100, 400, 5000))
    number = rng.choice((digits, b"-" + digits, b"0." + digits, b"1e" + digits, b"1e-" + digits, digits + b"e-5000"))
    return _post(b'{"instances": [' + number + b"]}")


def _odd_urls(rng: random.Random) -> bytes:
    part = rng.choice((
        "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "m%00", "m/versions/" + "9" * 30, "%ff%fe",
        "m/labels/../x",
        "m" * 10_000, "m/metadata", "%zz", "m/versions/1", "", "C:\\windows",
        "m?x=../../", "m#x", "\xff", "m/../../1/saved_model.pb",
    ))  # fmt: skip
    method = rng.choice(("GET", "POST", "HEAD", "OPTIONS", "PUT", "CONNECT", "TRACE", "FOO", "get"))
    target = f"/v1/models/{part}" + rng.choice(("", ":predict", ":classify"))
    return f"{method} {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode("latin-1")


def _odd_frames(rng: random.Random) -> bytes:
    return rng.choice((
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET /v1/models/m HTTP/1.1\r\n" + b"X: y\r\n" * rng.randrange(1, 5000) + b"\r\n",
        b"GET /v1/models/m HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
        b"GET /v1/models/m HTTP/1.0\r\n\r\n",
        b"GET /v1/models/m HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(50),
        (b"GET /v1/models/m HTTP/1.1\r\nHost: h\r\n\r\n" * 20) + _post(_PROBE),
    ))  # fmt: skip


def _bad_gzip(rng: random.Random) -> bytes:
    data = bytearray(gzip.compress(_PROBE))
    _mutate(rng, data)
    return _post(bytes(data), b"/v1/models/m:predict", b"Content-Encoding: gzip")


def _grpc_mutated(rng: random.Random) -> bytes:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = rng.choice(("m", "", "../../etc/passwd", "nobody"))
    tensor = request.inputs[rng.choice(("x", "y"))]
    tensor.dtype = rng.choice((types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE, types_pb2.DT_STRING, types_pb2.DT_INVALID))
    for _ in range(rng.randrange(4)):
        tensor.tensor_shape.dim.add(size=rng.choice((-1, 0, 1, 2, 3, 2**20, 2**40, 2**62)))
    tensor.float_val.extend(rng.random() for _ in range(rng.randrange(4)))
    tensor.tensor_content = rng.randbytes(rng.choice((0, 0, 4, 7, 12)))
    data = bytearray(request.SerializeToString())
    for _ in range(rng.randrange(3)):
        _mutate(rng, data)
    return bytes(data)


def _grpc_random(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(200))


_KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    *(_mutated_json,) * 8,
    *(_odd_urls,) * 2,
    *(_odd_frames,) * 2,
    *(_grpc_mutated,) * 2,
    _random_bytes,
    _random_body,
    _deep_nesting,
    _huge_numbers,
    _bad_gzip,
    _grpc_random,
)


if __name__ == "__main__":
    sys.exit(main())
