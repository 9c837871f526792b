"""Servers shared by several processes: one owns them, the others ask it and get a Server that looks like their own.

The owner (pytest-xdist's controller) starts each server at its first request and stops it at its own end, so no worker
that ends early or is killed takes a server away from the others. Who uses a server holds a lease on it, which ends with
the connection at the latest; servers without a lease are stopped when there are too many. The connection is a local
socket with a random key, and is meant for processes of one test run only: what goes over it is pickled.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import sys
import threading
from multiprocessing.connection import Client, Connection, Listener
from typing import TYPE_CHECKING, Any

from harness.servers import lifetimes
from harness.servers.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from harness.model_config import ModelConfig
    from harness.servers.choice import BackendChoice
    from harness.servers.spec import ServerSpec

    # The server's number, what it was started with and by, its command and its image.
    Lease = tuple[int, ServerSpec, BackendChoice, tuple[str, ...], str | None]

__all__ = ["ServerBroker", "SharedServers"]

_GONE = "the process that owned the server has ended"
_POLL_S = 0.2


class ServerBroker:
    """Owns servers and answers the requests of other processes for them."""

    def __init__(self, start: Callable[[Any], Server], *, most_at_once: int) -> None:
        """Listen; nothing is started yet.

        Args:
            start: starts the server of a key; what it raises reaches the process that asked.
            most_at_once: how many servers may run, unless more are in use.
        """
        lifetimes.prepare()  # servers will be started in threads, which can set no signal handlers
        self._start = start
        self._most_at_once = most_at_once
        self._lock = threading.RLock()
        self._servers: dict[int, Server] = {}
        self._current: dict[Hashable, int] = {}
        self._leases: dict[int, int] = {}
        self._closing = False
        self._key = secrets.token_bytes(32)
        self._listener = Listener(_new_address(), family="AF_UNIX", authkey=self._key)
        self._thread = threading.Thread(target=self._accept, name="tfserving-harness broker", daemon=True)
        self._thread.start()

    @property
    def ticket(self) -> tuple[str, str]:
        """What another process needs to connect: the address and the key."""
        address = self._listener.address
        return address.decode() if isinstance(address, bytes) else str(address), self._key.hex()

    def close(self) -> None:
        """Stop every server and listen no more; nothing happens if that was done."""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as knocking:
            knocking.connect(self._listener.address)  # wakes the thread; no handshake, for it may have left already
        self._thread.join()
        self._listener.close()
        while not self._lock.acquire(timeout=_POLL_S):  # a server is being started: nobody will want it any more
            lifetimes.stop_all()
        try:
            for server in self._servers.values():
                server.stop()
        finally:
            self._lock.release()

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection = self._listener.accept()
            except Exception:  # noqa: BLE001, S112 - a caller without the key, or one that hung up at once
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection[Any, Any]) -> None:
        """Answer one process until it hangs up, then end its leases."""
        mine: list[int] = []
        with contextlib.suppress(EOFError, OSError), connection:
            while True:
                verb, *rest = connection.recv()
                try:
                    answer = True, getattr(self, f"_{verb}")(mine, *rest)
                except Exception as exc:  # noqa: BLE001 - it is the caller's to handle
                    answer = False, exc
                connection.send(answer)
        for number in mine:
            self._release(mine, number)

    def _get(
        self, mine: list[int], key: Hashable
    ) -> tuple[int, ServerSpec, BackendChoice, tuple[str, ...], str | None]:
        with self._lock:
            number = self._current.get(key)
            if number is None or not self._servers[number].is_running:
                if number is not None:
                    self._servers[number].stop()
                self._make_room()
                server = self._start(key)
                number = self._current[key] = len(self._servers)
                self._servers[number] = server
            server = self._servers[number]
            self._leases[number] = self._leases.get(number, 0) + 1
            mine.append(number)
            return number, server.spec, server.backend, server.engine.command, server.engine.image

    def _make_room(self) -> None:
        running = [number for number in self._current.values() if self._servers[number].is_running]
        for number in running:
            if len(running) < self._most_at_once:
                return
            if not self._leases.get(number):
                self._servers[number].stop()
                running = running[1:]

    def _release(self, mine: list[int], number: int) -> None:
        with self._lock:
            if number in mine:
                mine.remove(number)
                self._leases[number] -= 1

    def _ask(self, _mine: list[int], number: int, name: str, arguments: tuple[Any, ...]) -> Any:
        """Return what an attribute of the engine is, or what it returns if it can be called."""
        server = self._servers[number]
        if name == "log":
            return server.log()
        found = getattr(server.engine, name)
        return found(*arguments) if callable(found) else found


def _new_address() -> str | None:
    """Return an address without a file, which a killed process would leave behind; None lets the library choose one."""
    return f"\0tfserving-harness-{secrets.token_hex(16)}" if sys.platform == "linux" else None


class SharedServers:
    """The servers of another process. One connection carries all requests of this process, one after the other."""

    def __init__(self, ticket: tuple[str, str]) -> None:
        """Connect.

        Raises:
            OSError: the owner has ended.
        """
        address, key = ticket
        self._connection: Connection[Any, Any] = Client(address, authkey=bytes.fromhex(key))
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Server:
        """Return the running server of a key; the owner starts it if there is none.

        Raises:
            HarnessError: the server could not be started.
        """
        number, spec, backend, command, image = self.ask("get", key)
        return Server(spec=spec, backend=backend, engine=_SharedEngine(self, number, command, image))

    def ask(self, *request: Any) -> Any:
        """Return the owner's answer to a request, or raise what it raised."""
        with self._lock:
            try:
                self._connection.send(request)
                worked, answer = self._connection.recv()
            except (EOFError, OSError) as exc:
                raise ConnectionError(_GONE) from exc
        if not worked:
            raise answer
        return answer

    def close(self) -> None:
        """Hang up, which ends all leases."""
        self._connection.close()


class _SharedEngine:
    """The engine of a server that another process owns: every question is passed on to it."""

    def __init__(self, servers: SharedServers, number: int, command: tuple[str, ...], image: str | None) -> None:
        self._servers = servers
        self._number = number
        self.command = command
        self.image = image

    def __getattr__(self, name: str) -> Any:
        """Return what only some engines have, e.g. ``pid`` or ``name``."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self._ask(name)

    def _ask(self, name: str, *arguments: Any) -> Any:
        return self._servers.ask("ask", self._number, name, arguments)

    def addresses(self) -> tuple[str | None, str | None]:
        """Return the gRPC address and the REST base URL."""
        grpc, rest = self._ask("addresses")
        return grpc, rest

    def base_path_of(self, model: ModelConfig) -> str:
        """Return a model's base path as the server sees it."""
        return str(self._ask("base_path_of", model))

    def exit_text(self) -> str | None:
        """Return how the server ended, None while it runs."""
        try:
            text: str | None = self._ask("exit_text")
        except ConnectionError as exc:
            return str(exc)
        return text

    def log(self) -> str:
        """Return everything the server has written; nothing if its owner has ended."""
        try:
            return str(self._ask("log"))
        except ConnectionError:
            return ""

    def stop(self) -> None:
        """Say that this process needs the server no more; its owner decides whether it runs on."""
        with contextlib.suppress(ConnectionError):
            self._servers.ask("release", self._number)

    def kill(self) -> None:
        """End the server as a crash would."""
        self._ask("kill")

    def restart(self) -> None:
        """End the server and start it again."""
        self._ask("restart")

    def pause(self) -> None:
        """Stop the server's work for all processes."""
        self._ask("pause")

    def resume(self) -> None:
        """Let a paused server work again."""
        self._ask("resume")

    def cpu_time_us(self) -> int | None:
        """Return CPU time used so far, in microseconds; None if it cannot be known."""
        used: int | None = self._ask("cpu_time_us")
        return used

    def memory_bytes(self) -> int | None:
        """Return the memory used now; None if it cannot be known."""
        used: int | None = self._ask("memory_bytes")
        return used

    def peak_memory_bytes(self) -> int | None:
        """Return the highest resident memory so far; None if it cannot be known."""
        peak: int | None = self._ask("peak_memory_bytes")
        return peak
