"""DemoServer: a small HTTP server for the page, on this machine's own address alone.

Each connection has a thread and carries one request. How many there may be, and how long each may take, is limited;
when the demo ends, connections are cut and their threads waited for.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
import traceback
from contextlib import contextmanager, suppress
from http import HTTPStatus
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any

from harness.demo.handler import Handler
from harness.demo.limits import Limits
from harness.demo.refusals import RefusedError
from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.demo.marking import Marked
    from harness.demo.page import Page

__all__ = ["DemoServer"]

_HOST = "127.0.0.1"
_LOOK_S = 0.1


class DemoServer(TCPServer):
    """Holds its port from the start, and answers while it is told to.

    Attributes:
        limits: of what visitors may take.
        page: what is shown.
        mark: makes the marked image of an image file.
        name: of what does so, for errors.
    """

    allow_reuse_address = True
    request_queue_size = 16
    page: Page
    mark: Callable[[bytes], Marked]
    name: str

    def __init__(self, *, port: int = 0, limits: Limits | None = None) -> None:
        """Take a port, 0 for any free one.

        Raises:
            UsageError: it cannot be had.
        """
        self.limits = limits or Limits()
        self._connections = threading.BoundedSemaphore(self.limits.most_connections)
        self._room = threading.BoundedSemaphore(self.limits.most_images)
        self._turn = threading.Lock()
        self._workers: dict[threading.Thread, socket.socket] = {}
        self._workers_lock = threading.Lock()
        try:
            super().__init__((_HOST, port), Handler)
        except OSError as exc:
            raise UsageError(f"--port {port} cannot be used for the page: {exc.strerror}; leave it out") from exc

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{_HOST}:{self.port}/"

    @contextmanager
    def answering(self, page: Page, mark: Callable[[bytes], Marked], *, name: str) -> Iterator[None]:
        """Answer until the block ends; then the port is given back and no thread is left but one in client code."""
        self.page, self.mark, self.name = page, mark, name
        loop = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": _LOOK_S}, daemon=True)
        loop.start()
        try:
            yield
        finally:
            self.shutdown()
            loop.join()
            self.server_close()
            self._cut_connections()

    @contextmanager
    def room(self) -> Iterator[None]:
        """Have room for an image.

        Raises:
            RefusedError: there are as many as are taken.
        """
        if not self._room.acquire(blocking=False):
            told = f"{self.limits.most_images} images are waiting or worked on already; try again when they are done"
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, told)
        try:
            yield
        finally:
            self._room.release()

    @contextmanager
    def turn(self, is_gone: Callable[[], bool]) -> Iterator[None]:
        """Wait until an image may be worked on.

        Raises:
            RefusedError: that took too long.
            ConnectionAbortedError: who sent it has gone.
        """
        had_to_wait = self._wait_for_turn(is_gone)
        try:
            if had_to_wait and is_gone():
                raise ConnectionAbortedError("the sender has gone")
            yield
        finally:
            self._turn.release()

    def _wait_for_turn(self, is_gone: Callable[[], bool]) -> bool:
        """Take the turn, and return whether somebody else had it."""
        if self._turn.acquire(blocking=False):
            return False
        give_up_at = time.monotonic() + self.limits.turn_s
        while not self._turn.acquire(timeout=_LOOK_S):
            if is_gone():
                raise ConnectionAbortedError("the sender has gone")
            if time.monotonic() > give_up_at:
                told = f"the images before this one took more than {self.limits.turn_s:g} s; try again later"
                raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, told)
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, or close it if there are too many."""
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        worker = threading.Thread(target=self._work, args=(request, client_address), daemon=True)
        with self._workers_lock:
            self._workers[worker] = request
        worker.start()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's signature
        """Show what went wrong in this server's own code; a visitor who has gone is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            traceback.print_exc()

    def _work(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001 - the end of a thread
            self.handle_error(request, client_address)
        finally:
            with self._workers_lock:
                del self._workers[threading.current_thread()]
            self.shutdown_request(request)
            self._connections.release()

    def _cut_connections(self) -> None:
        with self._workers_lock:
            workers = dict(self._workers)
            for request in workers.values():
                with suppress(OSError):  # closed from the other side
                    request.shutdown(socket.SHUT_RDWR)
        give_up_at = time.monotonic() + self.limits.close_s
        for worker in workers:
            worker.join(max(0.0, give_up_at - time.monotonic()))
