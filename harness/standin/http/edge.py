"""The HTTP server of the REST API: a fixed number of threads over any number of connections.

The thread whose turn it is waits for an event and works on that connection until it would have to wait again,
answers included. So a request costs no hand-over between threads, and idle or slow clients cost no thread.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import traceback
from typing import TYPE_CHECKING

from harness.standin import log
from harness.standin.http.connection import Connection, Wants
from harness.standin.http.heads import HeadMemo
from harness.standin.http.poller import make_poller
from harness.standin.http.turns import Turns
from harness.standin.rest.handler import RestHandler

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.standin.core import ServerCore
    from harness.standin.http.poller import Poller
    from harness.standin.monitoring import Metrics
    from harness.standin.rest.handler import RestReply, RestRequest

__all__ = ["HttpServer", "start_rest_server"]

_BACKLOG = 1024
_ACCEPTS_AT_ONCE = 64
_SWEEP_EVERY_S = 1.0
_LOOK_UP_S = 0.25  # how soon the threads notice the end
_ANY_IPV6 = "::"


def start_rest_server(
    core: ServerCore,
    *,
    port: int,
    bind_address: str,
    timeout_s: float | None,
    cors: bool,
    metrics: Metrics,
    metrics_path: str | None,
    num_threads: int,
) -> HttpServer:
    """Start serving the REST API in background threads.

    Args:
        core: where the models are.
        port: TCP port, 0 for any free one.
        bind_address: address to listen on; ``::`` takes IPv6 and IPv4, or IPv4 alone where there is no IPv6.
        timeout_s: seconds a run of a model may take, None for no limit.
        cors: whether replies carry CORS headers.
        metrics: what requests are counted in.
        metrics_path: path that serves the metrics, or None.
        num_threads: how many requests are worked on at a time.

    Raises:
        OSError: the port is taken.
    """
    handler = RestHandler(core, timeout_s=timeout_s, cors=cors, metrics=metrics, metrics_path=metrics_path)
    return HttpServer(_listen(bind_address, port), handler.handle, num_threads=num_threads)


def _listen(address: str, port: int) -> socket.socket:
    """Open the listening socket."""
    if address in ("", _ANY_IPV6):
        if socket.has_dualstack_ipv6():
            return _non_blocking(
                socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
            )
        address = ""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return _non_blocking(socket.create_server((address, port), family=family, backlog=_BACKLOG))


def _non_blocking(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    return sock


class HttpServer:
    """A running HTTP server.

    Attributes:
        port: the port it listens on.
    """

    def __init__(
        self,
        listener: socket.socket,
        handle: Callable[[RestRequest], RestReply],
        *,
        num_threads: int,
        poller: Poller | None = None,
    ) -> None:
        """Serve a non-blocking listening socket with ``handle``, which is called from any of the threads."""
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._handle = handle
        self._memo = HeadMemo()
        self._poller = poller or make_poller()
        self._connections: dict[int, Connection] = {}
        self._stopping = threading.Event()
        self._turns = Turns()
        self._sweep_at_s = 0.0
        self._sweeping = threading.Lock()
        self._poller.add(listener.fileno())
        self._threads = [
            threading.Thread(target=self._work, name=f"rest-{index}", daemon=True)
            for index in range(max(1, num_threads))
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close the port and all connections; requests being worked on are still answered."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._turns.stop()
        for connection in list(self._connections.values()):
            self._drop(connection.fileno(), connection)
        self._poller.remove(self._listener.fileno())
        self._listener.close()
        self._poller.close()

    def _work(self) -> None:
        """Serve events until the end."""
        me = threading.current_thread()
        while not self._stopping.is_set():
            if not self._turns.take(me, _LOOK_UP_S):
                continue
            mine = True
            while mine and not self._stopping.is_set():
                fd = self._poller.wait(_LOOK_UP_S)
                began_s = time.monotonic()
                if fd is not None:
                    mine = self._work_on(fd, me)
                if began_s >= self._sweep_at_s:
                    self._sweep()
            if mine:
                self._turns.give_up(me)

    def _work_on(self, fd: int, me: object) -> bool:
        """Work on an event; False if it is no longer this thread's turn to wait for the next."""
        began_s = self._turns.begin_work(me)
        try:
            self._on_event(fd)
        except Exception:  # noqa: BLE001 - one bad event must not cost the server a thread
            log.error("http/edge.py", f"Unexpected error:\n{traceback.format_exc()}")
        return self._turns.end_work(me, began_s)

    def _on_event(self, fd: int) -> None:
        if fd == self._listener.fileno():
            self._accept()
            return
        connection = self._connections.get(fd)
        if connection is None:
            return
        # The thread that armed the descriptor may still be on its way out.
        with connection.lock:
            if self._connections.get(fd) is connection:
                self._advance(fd, connection)

    def _advance(self, fd: int, connection: Connection) -> None:
        """Let a connection go on; wait for it again, or close it."""
        try:
            wants = connection.advance()
        except Exception:  # noqa: BLE001 - what the handler did not catch costs this connection only
            log.error("http/edge.py", f"Unexpected error:\n{traceback.format_exc()}")
            wants = Wants.CLOSE
        if wants is Wants.CLOSE:
            self._drop(fd, connection)
        else:
            self._poller.arm(fd, write=wants is Wants.WRITE)

    def _accept(self) -> None:
        """Take new connections on."""
        try:
            for _ in range(_ACCEPTS_AT_ONCE):
                sock, _ = self._listener.accept()
                sock.setblocking(False)
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = Connection(sock, self._handle, self._memo)
                self._connections[sock.fileno()] = connection
                self._poller.add(sock.fileno())
        except BlockingIOError:
            pass
        except OSError as fault:
            # Out of descriptors, most likely: connections that end will make room.
            log.error("http/edge.py", f"Cannot accept a connection: {fault}")
            time.sleep(0.05)
        finally:
            self._poller.arm(self._listener.fileno(), write=False)

    def _drop(self, fd: int, connection: Connection) -> None:
        """Close a connection."""
        self._connections.pop(fd, None)
        self._poller.remove(fd)
        connection.close()

    def _sweep(self) -> None:
        """Close the connections whose clients took too long."""
        if not self._sweeping.acquire(blocking=False):
            return
        try:
            now_s = time.monotonic()
            self._sweep_at_s = now_s + _SWEEP_EVERY_S
            for fd, connection in list(self._connections.items()):
                if connection.deadline_s < now_s and connection.lock.acquire(blocking=False):
                    try:
                        if self._connections.get(fd) is connection:
                            self._drop(fd, connection)
                    finally:
                        connection.lock.release()
        finally:
            self._sweeping.release()
