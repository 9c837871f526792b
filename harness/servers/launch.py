"""From a ServerSpec to a running, ready Server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.errors import NotReadyError, StartupError
from harness.servers.choice import BackendChoice, choose_backend, find_binary
from harness.servers.diagnosis import unknown_flags_cause
from harness.servers.external import ExternalEngine
from harness.servers.local import LocalEngine
from harness.servers.server import Server

if TYPE_CHECKING:
    from harness.servers.server import Engine
    from harness.servers.spec import ServerSpec

__all__ = ["start"]

_TRIES = 3


def start(spec: ServerSpec, choice: BackendChoice | None = None) -> Server:
    """Start what the spec says and return when every wanted version is available.

    Args:
        spec: what to serve.
        choice: the backend, if it was chosen before; None chooses now.

    Raises:
        BackendUnavailableError: the backend asked for cannot run here.
        StartupError: the server ended, a version failed to load, a port is taken, a flag is unknown.
        NotReadyError: the deadline passed first.
    """
    chosen = choice or choose_backend(spec)
    for attempt in range(1, _TRIES + 1):
        server = Server(spec=spec, backend=chosen, engine=_engine(spec, chosen))
        try:
            server.wait_until_ready()
            _verify(server)
        except BaseException as exc:
            server.stop()
            if isinstance(exc, _PortLostError) and attempt < _TRIES:
                continue
            raise
        return server
    raise AssertionError("unreachable: the last attempt returns or raises")


class _PortLostError(StartupError):
    """Another process took a free port between our look and the server's."""


def _engine(spec: ServerSpec, chosen: BackendChoice) -> Engine:
    if chosen.name == "external" and spec.external is not None:
        return ExternalEngine(spec.external)
    if chosen.name == "container":
        from harness.servers.container import ContainerEngine

        return ContainerEngine(spec)
    if chosen.name == "binary":
        path, _ = find_binary(spec.binary)
        return LocalEngine(spec, (str(path),))
    return LocalEngine(spec, (sys.executable, "-m", "harness.standin"))


def _verify(server: Server) -> None:
    """See that the server that answers is ours, and that it knew all its flags."""
    if isinstance(server.engine, LocalEngine):
        foreign = server.engine.foreign_port_owner()
        if foreign:
            raise _PortLostError(f"the server started, but {foreign}", log_tail=server.log_tail())
    cause = unknown_flags_cause(server.log())
    if cause:  # it started without them (behaviour item 8)
        raise StartupError(cause, log_tail=server.log_tail())
    if not server.is_running:
        raise NotReadyError("the server ended right after it was ready", log_tail=server.log_tail())
