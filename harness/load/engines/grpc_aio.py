"""The reference gRPC engine: grpc.aio on one channel, message bytes passed through as they are."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from harness.load.engines.address import grpc_address
from harness.load.engines.closed_loop import Answer, Send, drive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from harness.load.job import Job
    from harness.load.request import EncodedRequest
    from harness.load.session import Session

__all__ = ["run"]

_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),  # a proxy of the environment would be measured along with the server
    ("grpc.enable_retries", 0),  # a request sent twice would count once
)


def run(job: Job, session: Session) -> None:
    """Carry out the job over gRPC."""
    asyncio.run(_run(job, session))


async def _run(job: Job, session: Session) -> None:
    (target,) = job.targets
    async with grpc.aio.insecure_channel(target, options=_OPTIONS) as channel:
        send = _sender(channel, job)

        @asynccontextmanager
        async def lane() -> AsyncIterator[Send]:
            yield send

        await drive(job, session, grpc_address(target), lane)


def _sender(channel: grpc.aio.Channel, job: Job) -> Send:
    # no serializers: the bytes go out and come in as they are
    calls = {each.method: channel.unary_unary(each.method, None, None) for each in job.requests}
    metadata = {each.headers: tuple((name.lower(), value) for name, value in each.headers) for each in job.requests}

    async def send(request: EncodedRequest, /) -> Answer:
        try:
            response = await calls[request.method](
                request.body, timeout=job.timeout_s, metadata=metadata[request.headers] or None
            )
        except grpc.aio.AioRpcError as error:
            return Answer(int(error.code().value[0]), 0, error.details() or "")
        return Answer(0, len(response))

    return send
