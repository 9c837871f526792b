"""How TLS files enter the two libraries that make connections: grpcio's credentials, and a session of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import requests
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.tls import Tls

__all__ = ["grpc_channel", "http_session"]


def grpc_channel(address: str, tls: Tls | None, options: Mapping[str, Any]) -> grpc.Channel:
    """Return a channel that connects at its first call; in plain text without TLS files.

    Raises:
        UsageError: a TLS file cannot be read.
    """
    if tls is None:
        return grpc.insecure_channel(address, options=[*options.items()])
    if tls.server_name is not None:
        options = {"grpc.ssl_target_name_override": tls.server_name, **options}
    credentials = grpc.ssl_channel_credentials(
        root_certificates=tls.read(tls.ca),
        private_key=tls.read(tls.key),
        certificate_chain=tls.read(tls.certificate),
    )
    return grpc.secure_channel(address, credentials, options=[*options.items()])


def http_session(
    tls: Tls | None, headers: Mapping[str, str], *, trust_env: bool, connections: int = 10
) -> requests.Session:
    """Return a session with these headers and TLS files; it connects at its first call.

    Args:
        tls: for https; None for the system's certificates.
        headers: sent with every call.
        trust_env: whether variables of the environment may name a proxy and certificates.
        connections: how many are kept.

    Raises:
        UsageError: a TLS file cannot be read.
    """
    session = requests.Session()
    session.trust_env = trust_env
    adapter = _Adapter(connections, None if tls is None else tls.server_name)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.headers.update(headers)
    if tls is not None:
        for path in (tls.ca, tls.certificate, tls.key):
            tls.read(path)  # requests would name a missing file at the first call only
        session.verify = str(tls.ca) if tls.ca is not None else True
        if tls.certificate is not None and tls.key is not None:
            session.cert = (str(tls.certificate), str(tls.key))
    return session


class _Adapter(HTTPAdapter):
    """Keeps connections to one host, whose certificate may be for another name."""

    def __init__(self, connections: int, server_name: str | None) -> None:
        self._server_name = server_name
        super().__init__(pool_connections=1, pool_maxsize=connections)

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        """Make the pool; urllib3 leaves the name out where a URL is no https one."""
        if self._server_name is not None:
            options |= {"server_hostname": self._server_name, "assert_hostname": self._server_name}
        super().init_poolmanager(*sizes, **options)
