"""The closed loop in asyncio: so many lanes, each with one request in flight, each answer replaced at once."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from harness.load.status import CONNECTION_FAILED, CONNECTION_LOST, UNAVAILABLE, UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from harness.load.engines.address import Address
    from harness.load.job import Job
    from harness.load.request import EncodedRequest
    from harness.load.session import Session

__all__ = ["Answer", "Send", "drive"]

_REACH_S = 5.0
_GRACE_S = 1.0
_TICK_S = 0.05
_GONE_AFTER_TRIES = 3
_BETWEEN_TRIES_S = 0.2
_NOT_ANSWERED = {UNAVAILABLE, CONNECTION_FAILED, CONNECTION_LOST}


class Answer(NamedTuple):
    """How one request ended; `message` is the error's text."""

    status: int
    response_bytes: int
    message: str = ""


class Send(Protocol):
    """Sends one request and returns how it ended; it raises nothing but cancellation."""

    async def __call__(self, request: EncodedRequest, /) -> Answer:
        """Send the request."""


async def drive(
    job: Job, session: Session, address: Address, connect: Callable[[], AbstractAsyncContextManager[Send]]
) -> None:
    """Keep ``job.concurrency`` requests in flight until the session ends, then await those still in flight.

    Args:
        job: what to send, and how many at a time.
        session: decides how long, and takes the outcomes.
        address: asked whether anything still listens when requests find no server.
        connect: gives one lane its way to send.
    """
    if not await _listens(address, timeout_s=_REACH_S):
        session.stop("server gone", f"nothing accepts a connection at {address.shown}", time.perf_counter_ns())
        return
    requests = itertools.cycle(job.requests)
    watch = _Watch(address, session)
    session.begin(time.perf_counter_ns())
    lanes = [asyncio.create_task(_lane(session, requests, connect, watch)) for _ in range(job.concurrency)]
    pending: set[asyncio.Task[None]] = set(lanes)
    while pending and session.running:
        _, pending = await asyncio.wait(pending, timeout=_TICK_S)
        session.tick(time.perf_counter_ns())
    grace_s = job.timeout_s + _GRACE_S if session.ended == "completed" else _GRACE_S
    if pending:
        _, pending = await asyncio.wait(pending, timeout=grace_s)
    for lane in pending:
        lane.cancel()
    await _raise_first(lanes)


async def _lane(
    session: Session,
    requests: Iterator[EncodedRequest],
    connect: Callable[[], AbstractAsyncContextManager[Send]],
    watch: _Watch,
) -> None:
    now_ns = time.perf_counter_ns
    async with connect() as send:
        while session.running:
            request = next(requests)
            sent_ns = now_ns()
            try:
                status, response_bytes, message = await send(request)
            except asyncio.CancelledError:
                session.extend([(sent_ns, sent_ns, now_ns(), UNFINISHED, 0, "no answer when the run ended")])
                raise
            session.add(
                scheduled_ns=sent_ns,
                sent_ns=sent_ns,
                done_ns=now_ns(),
                status=status,
                response_bytes=response_bytes,
                message=message,
            )
            if status in _NOT_ANSWERED:
                await watch.look(message)


async def _raise_first(lanes: list[asyncio.Task[None]]) -> None:
    """Let no lane's exception go unseen; a cancelled lane has none."""
    for outcome in await asyncio.gather(*lanes, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


class _Watch:
    """Finds out, once for all lanes, whether a server that did not answer is still there."""

    def __init__(self, address: Address, session: Session) -> None:
        self._address = address
        self._session = session
        self._lock = asyncio.Lock()

    async def look(self, message: str) -> None:
        """Return when something listens again; end the session when nothing does after some tries."""
        async with self._lock:
            failed_ns = time.perf_counter_ns()
            for _ in range(_GONE_AFTER_TRIES):
                if not self._session.running or await _listens(self._address, timeout_s=_BETWEEN_TRIES_S):
                    return
                await asyncio.sleep(_BETWEEN_TRIES_S)
            self._session.stop("server gone", message or "nothing listens there any more", failed_ns)


async def _listens(address: Address, *, timeout_s: float) -> bool:
    """Return whether a connection can be made within that time."""
    try:
        _, writer = await asyncio.wait_for(_connect(address), timeout_s)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True


async def _connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.unix_path:
        return await asyncio.open_unix_connection(address.unix_path)
    return await asyncio.open_connection(address.host, address.port)
