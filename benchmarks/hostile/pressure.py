"""What goes on beside the generated requests: idle and slow clients, and bodies of 100 MB."""

from __future__ import annotations

import contextlib
import gzip
import random
import socket
import threading
from typing import TYPE_CHECKING

from benchmarks.hostile.server import REPLY_S, exchange, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.hostile.server import Server
    from benchmarks.hostile.tally import Tally

__all__ = ["bothered", "send_large"]

_IDLE_CONNECTIONS = 500
_SLOW_CONNECTIONS = 50
_LARGE_BYTES = 100_000_000


@contextlib.contextmanager
def bothered(server: Server) -> Iterator[None]:
    """Keep connections open, most of them idle, some sending a byte a second."""
    address = ("127.0.0.1", server.rest_port)
    done = threading.Event()
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(address, REPLY_S)) for _ in range(_IDLE_CONNECTIONS)]

        def trickle() -> None:
            request = post(b" " * 100_000)
            position = 0
            while not done.wait(1.0):
                for sock in idle[:_SLOW_CONNECTIONS]:
                    with contextlib.suppress(OSError):
                        sock.send(request[position : position + 1])
                position += 1

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def send_large(server: Server, tally: Tally) -> None:
    """Send a few bodies of 100 MB: numbers, brackets, one string, noise, and a bomb."""
    bodies = {
        "large numbers": b'{"instances": [' + b"1.0," * (_LARGE_BYTES // 4) + b"1.0]}",
        "large nesting": b'{"instances": ' + b"[" * _LARGE_BYTES,
        "large string": b'{"instances": "' + b"a" * _LARGE_BYTES + b'"}',
        "large noise": random.Random(0).randbytes(_LARGE_BYTES),  # noqa: S311 - reproducible
    }
    for name, body in bodies.items():
        tally.take(name, exchange(server, post(body)))
    bomb = gzip.compress(b" " * (2 * _LARGE_BYTES))
    tally.take("gzip bomb", exchange(server, post(bomb, b"/v1/models/m:predict", b"Content-Encoding: gzip")))
