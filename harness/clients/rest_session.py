"""The HTTP session of a client: connections that are kept, no proxy on loopback, TLS if asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter

from harness.clients.access import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.tls import Tls

__all__ = ["open_session"]

_CONNECTIONS = 64


def open_session(address: str, tls: Tls | None, headers: Mapping[str, str] | None) -> requests.Session:
    """Return a session for an address; it connects at its first call.

    Raises:
        UsageError: a TLS file cannot be read.
    """
    session = requests.Session()
    session.trust_env = not is_loopback(address)  # a proxy variable must not divert calls to this machine
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_CONNECTIONS)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.headers.update({"Content-Type": "application/json", **(headers or {})})
    if tls is not None:
        for path in (tls.ca, tls.certificate, tls.key):
            tls.read(path)  # requests would name a missing file at the first call only
        session.verify = str(tls.ca) if tls.ca is not None else True
        if tls.certificate is not None and tls.key is not None:
            session.cert = (str(tls.certificate), str(tls.key))
    return session
