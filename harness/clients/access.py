"""How an endpoint is reached: with which headers, and whether on this machine, so that no proxy may come between."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.headers import SecretText, merged_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.endpoint import Endpoint

__all__ = ["headers_of", "is_loopback"]

_GRPC_SCHEME = re.compile(r"\A(?:dns|ipv4|ipv6):(?://[^/]*/)?")


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


def headers_of(endpoint: Endpoint, own: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Return the headers of a client's calls: the endpoint's and its own, which win; no traceback shows the values."""
    given = ((name, SecretText(text) if isinstance(text, str) else text) for name, text in (own or {}).items())
    return merged_headers(endpoint.headers, given)
