"""Where a target is, as its user writes it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import UsageError

__all__ = ["Address", "grpc_address", "rest_address"]


@dataclass(frozen=True, kw_only=True)
class Address:
    """A TCP address, or a Unix socket's path; `prefix` is of REST, `shown` is what the user wrote."""

    shown: str
    host: str = ""
    port: int = 0
    unix_path: str = ""
    tls: bool = False
    prefix: str = ""


def grpc_address(target: str, *, tls: bool = False) -> Address:
    """Read ``host:port``, ``[::1]:port`` or ``unix:/path``.

    Raises:
        UsageError: it is none of these.
    """
    if target.startswith("unix:"):
        path = target.removeprefix("unix:")
        return Address(shown=target, unix_path="/" + path.lstrip("/") if path.startswith("//") else path, tls=tls)
    return _split("//" + target, target, tls=tls)


def rest_address(base_url: str) -> Address:
    """Read ``http://host:port`` or ``https://host:port`` with an optional path.

    Raises:
        UsageError: it is no such URL.
    """
    if not base_url.startswith(("http://", "https://")):
        raise UsageError(f"the REST address must start with http:// or https://, got {base_url!r}")
    return _split(base_url, base_url, tls=base_url.startswith("https://"))


def _split(url: str, shown: str, *, tls: bool) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"cannot read the address {shown!r}: {error}; e.g. 127.0.0.1:8500") from error
    if port is None:
        if not parts.scheme:
            raise UsageError(f"the gRPC address {shown!r} has no port; e.g. 127.0.0.1:8500")
        port = 443 if tls else 80
    if not parts.hostname or not (shown.isascii() and shown.isprintable()) or " " in shown:
        raise UsageError(f"cannot read the address {shown!r}: it needs a host, and printable ASCII")
    return Address(shown=shown, host=parts.hostname, port=port, tls=tls, prefix=parts.path.rstrip("/"))
