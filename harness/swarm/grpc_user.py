"""GrpcUser: a Locust user that sends encoded gRPC requests over a channel of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import grpc
from grpc.experimental import gevent as grpc_gevent

from harness.clients.grpc_channel import open_channel
from harness.headers import merged_headers
from harness.swarm.options import endpoint_of
from harness.swarm.user import Ending, ServingUser

if TYPE_CHECKING:
    from harness.load import EncodedRequest
    from harness.results.measured import Api

__all__ = ["GrpcUser"]

grpc_gevent.init_gevent()  # else a call would stop all users of the process until it is answered

_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


class GrpcUser(ServingUser):
    """Sends the pool's requests over gRPC."""

    api: ClassVar[Api] = "grpc"

    def connect(self) -> None:
        """Open a channel; it connects at the first call."""
        endpoint = endpoint_of(self.environment)
        self._channel = open_channel(endpoint.grpc or "", endpoint.tls_over("grpc"), _OWN_CONNECTION)
        self._headers = endpoint.headers
        self._calls: dict[str, Any] = {}

    def disconnect(self) -> None:
        """Close the channel."""
        self._channel.close()

    def call(self, request: EncodedRequest) -> Ending:
        """Send bytes, get bytes."""
        call = self._calls.get(request.method)
        if call is None:
            call = self._calls[request.method] = self._channel.unary_unary(request.method, None, None)
        metadata = tuple((name.lower(), text) for name, text in merged_headers(self._headers, request.headers))
        try:
            answer = call(request.body, timeout=self.timeout_s, metadata=metadata or None)
        except grpc.RpcError as exc:
            error: Any = exc
            return Ending(error.code().value[0], 0, error.details() or "")
        return Ending(0, len(answer))
