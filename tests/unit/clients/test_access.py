"""TLS files and loopback addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.clients import Tls
from harness.clients.access import is_loopback
from harness.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "address",
    [
        "localhost:1",
        "LOCALHOST:1",
        "127.0.0.1:8500",
        "127.9.9.9",
        "[::1]:8500",
        "http://127.0.0.1:8501",
        "https://localhost",
        "http://[::1]:1/x",
        "unix:/tmp/x.sock",
        "unix-abstract:x",
        "ipv4:127.0.0.1:8500",
        "ipv6:[::1]:8500",
        "dns:///localhost:8500",
        "dns:localhost:8500",
    ],
)
def test_addresses_of_this_machine_are_known(address: str) -> None:
    """Loopback addresses are known in every spelling that clients take."""
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address",
    [
        "example.com:1",
        "http://10.0.0.1",
        "localhost.example.com:1",
        "dns://8.8.8.8/example.com:1",
        "[::1",
        "",
        "http://[",
    ],
)
def test_other_addresses_are_not(address: str) -> None:
    """Other hosts, and what is no address, are not on this machine."""
    assert not is_loopback(address)


def test_half_a_client_certificate_is_refused() -> None:
    """A certificate without its key, or the reverse, is a usage error."""
    with pytest.raises(UsageError, match="needs both its certificate file and its key file"):
        Tls(certificate="a.pem")
    with pytest.raises(UsageError, match="needs both"):
        Tls(key="a.pem")


def test_files_are_read(tmp_path: Path) -> None:
    """A PEM file is read whole, no file is None, and a missing one is a usage error that names it."""
    path = tmp_path / "ca.pem"
    path.write_bytes(b"pem")
    tls = Tls(ca=path)
    assert tls.read(tls.ca) == b"pem"
    assert tls.read(None) is None
    with pytest.raises(UsageError, match=r"none.pem cannot be read: No such file or directory; check the path"):
        tls.read(tmp_path / "none.pem")
