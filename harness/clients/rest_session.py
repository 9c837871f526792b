"""The HTTP session of a client: connections that are kept, no proxy on loopback, TLS if asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clients.access import is_loopback
from harness.secured import http_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from harness.tls import Tls

__all__ = ["open_session"]

_CONNECTIONS = 64


def open_session(address: str, tls: Tls | None, headers: Mapping[str, str] | None) -> requests.Session:
    """Return a session for an address; it connects at its first call.

    Raises:
        UsageError: a TLS file cannot be read.
    """
    return http_session(
        tls,
        {"Content-Type": "application/json", **(headers or {})},
        trust_env=not is_loopback(address),  # a proxy variable must not divert calls to this machine
        connections=_CONNECTIONS,
    )
