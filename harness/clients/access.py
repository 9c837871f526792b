"""Whether an address is on this machine, so that no proxy may come between."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

__all__ = ["is_loopback"]

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
