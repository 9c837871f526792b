"""The gRPC channel of a client: message sizes unlimited, no proxy on loopback, TLS if asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.clients.access import is_loopback
from harness.errors import UsageError
from harness.secured import grpc_channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import grpc

    from harness.tls import Tls

__all__ = ["open_channel"]

_UNLIMITED = -1


def open_channel(address: str, tls: Tls | None, extra: Sequence[tuple[str, Any]]) -> grpc.Channel:
    """Return a channel that connects at its first call.

    Raises:
        UsageError: a TLS file cannot be read, or a URL was given for an address.
    """
    if address.startswith(("http://", "https://", "grpc://", "grpcs://")):
        raise UsageError(f"{address!r} is a URL, but a gRPC address is HOST:PORT; for TLS give tls=Tls(...)")
    options: dict[str, Any] = {
        "grpc.max_receive_message_length": _UNLIMITED,
        "grpc.max_send_message_length": _UNLIMITED,
    }
    if is_loopback(address):
        options["grpc.enable_http_proxy"] = 0
    return grpc_channel(address, tls, options | dict(extra))
