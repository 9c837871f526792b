"""Traffic: several clients that ask on and on, each in a thread of its own, and the record of what they got.

They are paced: this is to find out whether requests fail, not how many a server can bear. So each client rests after a
call, and the longer the call took, the longer: about one call is under way at a time, whatever the number of clients.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from harness.checks.likeness import unlike
from harness.checks.request import answer_arrays, send
from harness.checks.rollout.calls import GONE, Call
from harness.errors import CheckError, HarnessError, StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    import numpy as np
    from typing_extensions import Self

    from harness.checks.request import Request
    from harness.checks.rollout.calls import Ask
    from harness.clients.client import Client

__all__ = ["Lane", "Question", "Traffic", "ask_once"]

_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 2.0
_CALL_TIMEOUT_S = 30.0
_SETTLE_TIMEOUT_S = 3 * _CALL_TIMEOUT_S
_LOOK_S = 0.005


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """What every call sends, and the answer it has to bring.

    Attributes:
        request: the request.
        answer: array by output name, None if answers differ from call to call, so that none is the right one.
        took_s: how long the answer took, while nothing else was asked.
    """

    request: Request
    answer: Mapping[str, np.ndarray] | None
    took_s: float = 0.0

    def difference(self, outputs: Mapping[str, np.ndarray]) -> str:
        """Return how outputs differ from the right answer; empty if they do not."""
        return "" if self.answer is None else unlike(outputs, self.answer)


@dataclass(kw_only=True, eq=False)
class Lane:
    """One client in one thread.

    Attributes:
        name: of the client, for people.
        clients: one of each model it asks, by name; they are its own.
        asks: what it asks for in turn; may be replaced at any time.
    """

    name: str
    clients: Mapping[str, Client]
    asks: tuple[Ask, ...]

    @property
    def api(self) -> str:
        """The API it asks over: ``grpc`` or ``rest``."""
        return next(iter(self.clients.values())).api


def ask_once(client: Client, ask: Ask, question: Question, *, name: str) -> Call:
    """Send one call and return what it brought; no error of the call's own is raised."""
    version, failure, text, difference = None, "", "", ""
    began_ns = time.perf_counter_ns()
    try:
        answer = send(client, question.request, version=ask.version, label=ask.label, timeout_s=_CALL_TIMEOUT_S)
        ended_ns = time.perf_counter_ns()
        version = answer.model_version if client.api == "grpc" else None
        difference = question.difference(answer_arrays(answer))
    except StatusError as exc:
        ended_ns = time.perf_counter_ns()
        failure, text = _failure(exc), exc.server_message
    except HarnessError as exc:
        ended_ns = time.perf_counter_ns()
        failure, text = type(exc).__name__, str(exc).partition("\n")[0]
    return Call(
        ask=ask,
        client=name,
        began_ns=began_ns,
        ended_ns=ended_ns,
        version=version,
        failure=failure,
        text=text,
        difference=difference,
    )


def _failure(error: StatusError) -> str:
    is_gone = error.code == "NOT_FOUND" and "Servable not found" in error.server_message
    return GONE if is_gone else error.code


@dataclass(kw_only=True, eq=False)
class Traffic:
    """Calls of all lanes from the beginning of the ``with`` block to its end.

    Attributes:
        lanes: the clients.
        question: what they send.
        calls: what they got so far.
    """

    lanes: Sequence[Lane]
    question: Question
    calls: list[Call] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Let the requests flow."""
        self._pool = ThreadPoolExecutor(len(self.lanes), "traffic")
        self._running: list[Future[None]] = [
            self._pool.submit(self._flow, lane, first) for first, lane in enumerate(self.lanes)
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the clients, each after the call it is in."""
        self._stopping.set()
        self._pool.shutdown()
        if error is None:
            self._raise_faults()

    def _flow(self, lane: Lane, first: int) -> None:
        """Ask on and on; lanes with the same questions begin with different ones."""
        for turn in count(first):
            if self._stopping.is_set():
                return
            asks = lane.asks
            ask = asks[turn % len(asks)]
            call = ask_once(lane.clients[ask.model], ask, self.question, name=lane.name)
            self.calls.append(call)
            took_s = (call.ended_ns - call.began_ns) / 1e9
            self._stopping.wait(min(_LONGEST_PAUSE_S, max(_PAUSE_S, len(self.lanes) * took_s)))

    def settle(self) -> None:
        """Return when each question was asked once more over each API, from now on.

        Raises:
            CheckError: that takes too long.
        """
        since_ns = time.perf_counter_ns()
        seen = len(self.calls)
        api_of = {lane.name: lane.api for lane in self.lanes}
        wanted = {(lane.api, ask) for lane in self.lanes for ask in lane.asks}
        while wanted:
            self._raise_faults()
            new = self.calls[seen:]
            seen += len(new)
            wanted -= {(api_of[call.client], call.ask) for call in new if call.began_ns >= since_ns}
            if (time.perf_counter_ns() - since_ns) / 1e9 > _SETTLE_TIMEOUT_S:
                missing = ", ".join(sorted(f"{ask} over {api}" for api, ask in wanted))
                raise CheckError(
                    f"requests for {missing} got no answer within {_SETTLE_TIMEOUT_S:g} s; see the server's log"
                )
            time.sleep(_LOOK_S)

    def _raise_faults(self) -> None:
        """Raise what ended a thread: a fault of the harness, for whatever a server does is recorded."""
        for future in self._running:
            if future.done():
                future.result()
