"""The reference REST engine: one keep-alive connection per lane, framed by h11, on asyncio.

A connection that the server closes between two answers is opened anew; one that breaks within an answer is an error of
that request.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import h11

from harness.load.engines.address import rest_address
from harness.load.engines.closed_loop import Answer, Send, drive
from harness.load.status import BAD_RESPONSE, CONNECTION_FAILED, CONNECTION_LOST, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from harness.load.engines.address import Address
    from harness.load.job import Job
    from harness.load.request import EncodedRequest
    from harness.load.session import Session

__all__ = ["run"]

_READ_BYTES = 1 << 18
_MESSAGE_BYTES = 1_000


def run(job: Job, session: Session) -> None:
    """Carry out the job over HTTP/1.1."""
    asyncio.run(_run(job, session))


async def _run(job: Job, session: Session) -> None:
    address = rest_address(job.targets[0])
    heads = {id(each): _head(each, address) for each in job.requests}  # built and checked by h11 once, not per request

    @asynccontextmanager
    async def lane() -> AsyncIterator[Send]:
        connection = _Connection(address, heads, job.timeout_s)
        try:
            yield connection.send
        finally:
            connection.close()

    await drive(job, session, address, lane)


def _head(request: EncodedRequest, address: Address) -> h11.Request:
    names = {name.lower() for name, _ in request.headers}
    host = f"[{address.host}]" if ":" in address.host else address.host
    headers = [*request.headers]
    if "host" not in names:
        headers.append(("Host", f"{host}:{address.port}"))
    if "content-type" not in names:
        headers.append(("Content-Type", "application/json"))
    if request.body or request.verb not in ("GET", "HEAD"):
        headers.append(("Content-Length", str(len(request.body))))
    return h11.Request(method=request.verb, target=address.prefix + request.method, headers=headers)


class _Connection:
    """One HTTP/1.1 connection, opened at need."""

    def __init__(self, address: Address, heads: dict[int, h11.Request], timeout_s: float) -> None:
        self._address = address
        self._heads = heads
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context() if address.tls else None
        self._protocol = h11.Connection(h11.CLIENT)
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None
        self._late = False

    async def send(self, request: EncodedRequest, /) -> Answer:
        """Send one request and read its answer to the end."""
        self._late = False
        if self._writer is None:
            try:
                await asyncio.wait_for(self._open(), self._timeout_s)
            except (OSError, asyncio.TimeoutError) as error:
                self.close()
                return Answer(CONNECTION_FAILED, 0, str(error) or "no connection in time")
        alarm = asyncio.get_running_loop().call_later(self._timeout_s, self._abort)
        try:
            return await self._exchange(request)
        except (OSError, h11.RemoteProtocolError) as error:
            self.close()
            return self._failure(error)
        finally:
            alarm.cancel()

    def close(self) -> None:
        """Let go of the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _open(self) -> None:
        self._protocol = h11.Connection(h11.CLIENT)
        self._reader, self._writer = await asyncio.open_connection(
            self._address.host, self._address.port, ssl=self._tls, limit=_READ_BYTES
        )

    def _abort(self) -> None:
        self._late = True
        if self._writer is not None:
            self._writer.transport.abort()

    def _failure(self, error: Exception) -> Answer:
        if self._late:
            return Answer(TIMEOUT, 0, f"no answer within {self._timeout_s:g} s")
        if isinstance(error, h11.RemoteProtocolError) and self._protocol.trailing_data[0]:
            return Answer(BAD_RESPONSE, 0, str(error))
        return Answer(CONNECTION_LOST, 0, str(error))

    async def _exchange(self, request: EncodedRequest) -> Answer:
        writer = self._writer
        assert writer is not None  # noqa: S101 - send opened it; this tells mypy
        writer.write(self._encode(request))
        if len(request.body) > _READ_BYTES:
            await writer.drain()
        status, size, head = await self._answer()
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()
        else:
            self.close()
        return Answer(status, size, "" if 200 <= status < 300 else head.decode(errors="replace"))

    def _encode(self, request: EncodedRequest) -> bytes:
        head = self._heads[id(request)]
        parts = (head, h11.Data(data=request.body), h11.EndOfMessage()) if request.body else (head, h11.EndOfMessage())
        return b"".join(self._protocol.send(part) or b"" for part in parts)

    async def _answer(self) -> tuple[int, int, bytes]:
        """Return the status, the body's size, and its first bytes."""
        status, size, head = 0, 0, b""
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                await self._receive()
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if len(head) < _MESSAGE_BYTES:
                    head += bytes(event.data[:_MESSAGE_BYTES])
            elif isinstance(event, h11.EndOfMessage):
                return status, size, head

    async def _receive(self) -> None:
        assert self._reader is not None  # noqa: S101 - send opened it; this tells mypy
        data = await self._reader.read(_READ_BYTES)
        if not data and self._late:
            raise ConnectionAbortedError("aborted after the time-out")
        self._protocol.receive_data(data)
