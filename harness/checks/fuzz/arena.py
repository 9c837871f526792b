"""The arena: the server that is fuzzed, so that no other check meets what fuzzing leaves behind.

Where a server of its own can be started, that one is fuzzed: it may crash, and its end and its log tell why. Else it is
the server under check itself.
"""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.checks.fuzz.faults import Fault, fault_of
from harness.clients import GrpcClient, RestClient, open_client
from harness.errors import ConnectionFailedError, DeadlineError, HarnessError, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

    from harness.checks.subject import Subject
    from harness.errors import CallError
    from harness.servers import Server

__all__ = ["API_NAMES", "END", "Arena"]

END = "end of the server"
API_NAMES = {"grpc": "gRPC", "rest": "REST"}

_LIFE_SIGN_S = 3.0
_PAUSE_S = 0.05
_LOG_LINES = 3
_FATAL = re.compile(r"^F\d{4} |: F |Check failed|terminate called|bad_alloc|[Oo]ut of memory")
_RESTARTS = 12


class Arena:
    """A server to fuzz, with clients of it.

    Attributes:
        subject: the served model under check.
        is_own: whether the server is the check's own.
        is_lost: whether the server has ended and cannot be started again.
        limit_s: how long a request may take.
    """

    def __init__(self, subject: Subject, *, limit_s: float = 5.0) -> None:
        """Prepare; the server is started on entering."""
        self.subject = subject
        self.is_own = subject.stage is not None
        self.is_lost = False
        self.limit_s = limit_s
        self._stack = ExitStack()
        self._server: Server | None = None
        self._clients: dict[str, GrpcClient | RestClient] = {}
        self._restarts_left = _RESTARTS

    def __enter__(self) -> Self:
        """Start the server, if it is the check's own.

        Raises:
            ServerError: it did not become ready.
        """
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the server, if it is the check's own."""
        self._stack.close()

    def _open(self) -> None:
        stage = self.subject.stage
        if stage is None:
            self._clients = {client.api: client for client in self.subject.clients}
            return
        self._server = self._stack.enter_context(stage.server())
        endpoint = self._server.endpoint_of(self.subject.model)
        for client in self.subject.clients:
            own = open_client(endpoint, client.api)
            self._stack.callback(own.close)
            self._clients[client.api] = own

    @property
    def apis(self) -> tuple[str, ...]:
        """The APIs that can be asked, gRPC first."""
        return tuple(self._clients)

    def client(self, api: str) -> GrpcClient | RestClient:
        """Return the client of an API; another one after the server was started again."""
        return self._clients[api]

    @property
    def is_batching(self) -> bool | None:
        """Whether the server puts requests together; None if it cannot be known."""
        if self.subject.stage is None:
            return None
        flags = self.subject.stage.spec.args
        return any(flag.startswith("--enable_batching") and not flag.endswith("=false") for flag in flags)

    @property
    def was_restarted(self) -> bool:
        """Whether the server ended at least once."""
        return self._restarts_left < _RESTARTS

    def peak_memory_bytes(self) -> int | None:
        """Return the highest memory of the server so far, None if it cannot be known."""
        return None if self._server is None else self._server.peak_memory_bytes()

    def fault_of(self, error: CallError) -> Fault | None:
        """Return the fault behind an error; a lost connection is followed up, and an own server that ended replaced."""
        fault = fault_of(error)
        if fault is None or not isinstance(error, ConnectionFailedError | DeadlineError) or self._is_alive():
            return fault
        text = self._end()
        self._revive()
        return replace(fault, kind=END, text=text)

    def _is_alive(self) -> bool:
        """Whether the server still answers: as soon as it does, or it has ended, or some seconds are over."""
        until = time.monotonic() + _LIFE_SIGN_S
        for client in self._in_turn():
            try:
                client.model_status(timeout_s=1.0)
            except HarnessError:
                has_ended = self._server is not None and not self._server.is_running
                if has_ended or time.monotonic() > until:
                    return False
                time.sleep(_PAUSE_S)
            else:
                return True
        return False

    def _in_turn(self) -> Iterator[GrpcClient | RestClient]:
        while self._clients:
            yield from self._clients.values()

    def _end(self) -> str:
        """Return how the server ended, and what it said of the reason."""
        if self._server is None:
            return "the server answers no more"
        how = self._server.engine.exit_text()
        lines = self._server.log().splitlines()
        fatal = [line for line in lines if _FATAL.search(line)]
        last = " / ".join(fatal[-1:] or lines[-_LOG_LINES:]) or "nothing"
        return f"the server {'answers no more' if how is None else f'ended ({how})'}; last it said: {last}"

    def _revive(self) -> None:
        """Start a fresh server in the place of one that ended, unless there were too many."""
        self._stack.close()
        if not self.is_own or not self._restarts_left:
            self.is_lost = True
            return
        self._restarts_left -= 1
        try:
            self._open()
        except ServerError:
            self.is_lost = True  # what it was asked last is the finding
