"""What a client needs to get through to a server: TLS files, headers, and whether a proxy may come between."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import UsageError

__all__ = ["Tls", "is_loopback"]

_GRPC_SCHEME = re.compile(r"\A(?:dns|ipv4|ipv6):(?://[^/]*/)?")


@dataclass(frozen=True, kw_only=True)
class Tls:
    """PEM files for a TLS connection. TensorFlow Serving itself offers TLS on gRPC only; gateways offer it on both.

    Attributes:
        ca: certificates to trust, None for the system's own.
        certificate: the client's certificate chain, for servers that ask for one.
        key: the client's private key.
        server_name: the name the server's certificate must carry, if it is not the host that is called (gRPC only).

    Raises:
        UsageError: a client certificate without its key, or the reverse.
    """

    ca: Path | str | None = None
    certificate: Path | str | None = None
    key: Path | str | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        """Refuse half a client certificate."""
        if (self.certificate is None) != (self.key is None):
            raise UsageError("a client certificate needs both its certificate file and its key file")

    def read(self, path: Path | str | None) -> bytes | None:
        """Return a PEM file's bytes, None for no file.

        Raises:
            UsageError: the file cannot be read.
        """
        if path is None:
            return None
        try:
            return Path(path).read_bytes()
        except OSError as exc:
            raise UsageError(
                f"TLS file {path} cannot be read: {exc.strerror}; check the path and its permissions"
            ) from exc


def is_loopback(address: str) -> bool:
    """Whether ``host:port``, ``unix:path`` or a URL stays on this machine: no proxy belongs in between.

    gRPC's own spellings (``ipv4:127.0.0.1:8500``, ``dns:///localhost:8500``) count as well. What is no address at all
    is not on this machine; the call will say so.
    """
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    bare = _GRPC_SCHEME.sub("", address)
    try:
        host = urlsplit(bare if "://" in bare else f"//{bare}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
