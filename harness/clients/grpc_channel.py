"""The gRPC channel of a client: message sizes unlimited, no proxy on loopback, TLS if asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from harness.clients.access import is_loopback
from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.tls import Tls

__all__ = ["open_channel"]

_UNLIMITED = -1


def open_channel(address: str, tls: Tls | None, extra: Sequence[tuple[str, Any]]) -> grpc.Channel:
    """Return a channel that connects at its first call.

    Raises:
        UsageError: a TLS file cannot be read, or a URL was given for an address.
    """
    if address.startswith(("http://", "https://", "grpc://")):
        raise UsageError(f"{address!r} is a URL, but a gRPC address is HOST:PORT; for TLS give tls=Tls(...)")
    options: dict[str, Any] = {
        "grpc.max_receive_message_length": _UNLIMITED,
        "grpc.max_send_message_length": _UNLIMITED,
    }
    if is_loopback(address):
        options["grpc.enable_http_proxy"] = 0
    if tls is not None and tls.server_name is not None:
        options["grpc.ssl_target_name_override"] = tls.server_name
    options |= dict(extra)
    if tls is None:
        return grpc.insecure_channel(address, options=[*options.items()])
    credentials = grpc.ssl_channel_credentials(
        root_certificates=tls.read(tls.ca),
        private_key=tls.read(tls.key),
        certificate_chain=tls.read(tls.certificate),
    )
    return grpc.secure_channel(address, credentials, options=[*options.items()])
