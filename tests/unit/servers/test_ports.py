"""Free ports for a server's two APIs."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from harness.servers.container_ports import published
from harness.servers.ports import free_port


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ports that the kernel gives next, in this order; each socket still has the one it was given."""
    ports: list[int] = []

    class Probe:
        def __init__(self, *_: Any) -> None: ...

        def bind(self, _: Any) -> None: ...

        def close(self) -> None: ...

        def getsockname(self) -> tuple[str, int]:
            return "127.0.0.1", ports.pop(0)

    monkeypatch.setattr(socket, "socket", Probe)
    return ports


def test_a_port_that_is_spoken_for_is_not_taken(drawn: list[int]) -> None:
    """Though nobody listens there yet: the server would leave REST out if both of its ports were one."""
    drawn += [4711, 4711, 4712]
    assert free_port(None, 4711) == 4712
    assert drawn == []


def test_a_containers_ports_differ(drawn: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of two ports for one container is the other, nor one that was asked for."""
    monkeypatch.setattr("harness.servers.container_ports.engine_sees_our_files", lambda _: True)
    drawn += [5000, 5001, 5001, 5002]
    ports = published({"8500": None, "8501": None, "9000": 5000}, "unix:///var/run/docker.sock")
    assert ports == {"8500": ("127.0.0.1", 5001), "8501": ("127.0.0.1", 5002), "9000": ("127.0.0.1", 5000)}
