"""Where a target is, as a socket sees it, and whether anything listens there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import UsageError

__all__ = ["Address", "grpc_address", "listens", "rest_address"]


@dataclass(frozen=True, kw_only=True)
class Address:
    """A TCP address, or a Unix socket's path; `tls` and `prefix` are of REST."""

    host: str = ""
    port: int = 0
    unix_path: str = ""
    tls: bool = False
    prefix: str = ""


def grpc_address(target: str) -> Address:
    """Read ``host:port``, ``[::1]:port`` or ``unix:/path``.

    Raises:
        UsageError: it is none of these.
    """
    if target.startswith("unix:"):
        path = target.removeprefix("unix:")
        return Address(unix_path="/" + path.lstrip("/") if path.startswith("//") else path)
    return _split("//" + target, target)


def rest_address(base_url: str) -> Address:
    """Read ``http://host:port`` with an optional path.

    Raises:
        UsageError: it is no such URL.
    """
    if not base_url.startswith(("http://", "https://")):
        raise UsageError(f"the REST address must start with http:// or https://, got {base_url!r}")
    return _split(base_url, base_url)


async def listens(address: Address, *, timeout_s: float) -> bool:
    """Return whether a connection can be made within that time."""
    try:
        _, writer = await asyncio.wait_for(_connect(address), timeout_s)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True


async def _connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.unix_path:
        return await asyncio.open_unix_connection(address.unix_path)
    return await asyncio.open_connection(address.host, address.port)


def _split(url: str, shown: str) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"cannot read the address {shown!r}: {error}; e.g. 127.0.0.1:8500") from error
    tls = parts.scheme == "https"
    if port is None:
        port = 443 if tls else 80
        if not parts.scheme:
            raise UsageError(f"the gRPC address {shown!r} has no port; e.g. 127.0.0.1:8500")
    return Address(host=parts.hostname or "", port=port, tls=tls, prefix=parts.path.rstrip("/"))
