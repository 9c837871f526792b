"""Loopback addresses."""

from __future__ import annotations

import pytest

from harness.clients.access import is_loopback


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
