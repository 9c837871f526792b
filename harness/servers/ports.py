"""Ports on the loopback interface: free ones, taken ones, and whose they are."""

from __future__ import annotations

import socket
from contextlib import closing

import psutil

from harness.errors import StartupError

__all__ = ["free_port", "is_open", "refuse_taken_port"]

LOOPBACK = "127.0.0.1"


def free_port(*taken: int | None) -> int:
    """Return a port that was free a moment ago. A server that loses the race for it is started anew with another.

    Args:
        *taken: ports that it must not be, though nobody listens there yet.
    """
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
        return free_port(*taken) if port in taken else port  # while this one is held, so it is another


def refuse_taken_port(port: int, option: str) -> None:
    """Raise if something listens on a port that was asked for by number.

    gRPC binds with SO_REUSEPORT, so a second server would not fail: the two would share the calls.

    Raises:
        StartupError: the port is taken; says by whom, if that can be known.
    """
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError as exc:
            raise StartupError(
                f"{option} {port} cannot be used: {exc.strerror}{_owner_text(port)}; leave the option out for a free"
                " port, or stop what listens there"
            ) from exc


def _owner_text(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listening = connection.status == psutil.CONN_LISTEN and connection.laddr
            if listening and getattr(connection.laddr, "port", None) == port and connection.pid:
                return f" (process {connection.pid}, {psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass  # other users' sockets may be hidden: then the owner stays unknown
    return ""


def is_open(port: int, host: str = LOOPBACK, timeout_s: float = 0.25) -> bool:
    """Whether a TCP connection to the port succeeds."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.settimeout(timeout_s)
        return probe.connect_ex((host, port)) == 0
