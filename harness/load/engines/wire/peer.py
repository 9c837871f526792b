"""Peer: where links connect to, found out once: which of a name's addresses answers, and how TLS is begun there."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.load.engines.wire.errors import LinkLostError
from harness.tls import Tls

if TYPE_CHECKING:
    import ssl

    from harness.load.engines.address import Address

__all__ = ["Handshake", "Peer", "reach"]


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """How TLS is begun.

    Attributes:
        context: what is trusted, and who we are.
        server_name: the name that the server's certificate must carry.
        protocol: what is to be spoken inside, as ALPN names it; empty where servers need not choose.
    """

    context: ssl.SSLContext
    server_name: str
    protocol: str = ""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A server's address as a socket takes it, without any name to look up; `handshake` is None without TLS."""

    family: socket.AddressFamily
    address: Any
    shown: str
    handshake: Handshake | None = None


def reach(address: Address, *, timeout_s: float, tls: Tls | None = None, protocol: str = "") -> Peer:
    """Return the peer at an address, of a name's addresses the first that accepts a connection.

    Args:
        address: the server's.
        timeout_s: how long to wait for each of a name's addresses.
        tls: files for the handshake, if ``address.tls`` asks for one.
        protocol: see ``Handshake``.

    Raises:
        LinkLostError: nothing accepts a connection there.
        UsageError: a TLS file cannot be used.
    """
    handshake = None
    if address.tls:
        server_name = tls.server_name if tls is not None and tls.server_name is not None else address.host
        handshake = Handshake(context=(tls or Tls()).context(protocol), server_name=server_name, protocol=protocol)
    try:
        with _connected(address, timeout_s) as probe:
            return Peer(family=probe.family, address=probe.getpeername(), shown=address.shown, handshake=handshake)
    except OSError as exc:
        raise LinkLostError(f"nothing accepts a connection at {address.shown}: {exc}") from exc


def _connected(address: Address, timeout_s: float) -> socket.socket:
    if not address.unix_path:
        return socket.create_connection((address.host, address.port), timeout=timeout_s)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout_s)
        connection.connect(address.unix_path)
    except OSError:
        connection.close()
        raise
    return connection
