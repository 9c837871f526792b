"""Readiness: every wanted version AVAILABLE, both ports open; an exit or a failed load is noticed at once.

It asks the status API, as behaviour item 15 demands, and never reads the log: log levels and wording change.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import NotReadyError, StartupError
from harness.servers.diagnosis import likely_cause, likely_external_cause
from harness.servers.status_poll import GrpcPoll, RestPoll, StatusPoll
from harness.versions import version_directories, wanted_versions

if TYPE_CHECKING:
    from harness.model_config import ModelConfig
    from harness.servers.server import Server

__all__ = ["wait_until_ready"]

_POLL_S = 0.05
_EXTERNAL_PATIENCE_S = 5.0


def wait_until_ready(server: Server) -> None:
    """Return when every wanted version of every model is available over each API that the server has.

    Raises:
        StartupError: the server ended, or a version failed to load.
        NotReadyError: the deadline passed first.
    """
    wanted = {model.name: _wanted(server, model) for model in server.spec.models}
    deadline = time.monotonic() + _patience_s(server)
    with ExitStack() as stack:
        for poll in _polls(server):
            _wait(server, stack.enter_context(poll), wanted, deadline)


def _polls(server: Server) -> list[StatusPoll]:
    """Return a poll for each API: gRPC opens first, REST after it (behaviour item 14)."""
    grpc_address, rest_url = server.engine.addresses()
    polls: list[StatusPoll] = []
    if grpc_address is not None:
        polls.append(GrpcPoll(grpc_address))
    if rest_url is not None:
        polls.append(RestPoll(rest_url))
    return polls


def _patience_s(server: Server) -> float:
    """A server of the user's is said to run already: it gets seconds, not the time that loading may take."""
    limit_s = server.spec.ready_timeout_s
    return min(limit_s, _EXTERNAL_PATIENCE_S) if server.backend.name == "external" else limit_s


def _wanted(server: Server, model: ModelConfig) -> tuple[int, ...]:
    if server.backend.name == "external":
        return model.versions
    try:
        on_disk = list(version_directories(Path(model.base_path)))
    except OSError:
        on_disk = []  # the server will wait for ever; the deadline's message says why
    return wanted_versions(model, on_disk)


def _wait(server: Server, poll: StatusPoll, wanted: dict[str, tuple[int, ...]], deadline: float) -> None:
    while True:
        looks = {name: poll.look(name) for name in wanted}
        if all(look.is_ready(wanted[name]) for name, look in looks.items()):
            return
        ended = server.engine.exit_text()
        if ended is not None:
            raise _error(StartupError, server, f"the server ended before it was ready ({ended})")
        for name, look in looks.items():
            for version, text in look.failures(wanted[name]).items():
                raise _error(StartupError, server, f"model {name} version {version} failed to load: {text}")
        if time.monotonic() > deadline:
            seen = "; ".join(f"{name}: {look.text}" for name, look in looks.items())
            asked = "; ".join(f"{name} {list(versions) or 'any version'}" for name, versions in wanted.items())
            limit_s = _patience_s(server)
            raise _error(NotReadyError, server, f"not ready within {limit_s:g} s; wanted {asked}; seen {seen}")
        time.sleep(_POLL_S)


def _error(kind: type[StartupError | NotReadyError], server: Server, what: str) -> StartupError | NotReadyError:
    lines = [what, f"  backend: {server.backend}", f"  command: {' '.join(server.engine.command)}"]
    lines += [f"  model {model.name}: {_layout_text(server, model)}" for model in server.spec.models]
    is_external = server.backend.name == "external"
    cause = likely_external_cause(what) if is_external else likely_cause(f"{what}\n{server.log()}", server.spec.models)
    if cause:
        lines.append(f"  likely cause: {cause}")
    return kind("\n".join(lines), log_tail=server.log_tail())


def _layout_text(server: Server, model: ModelConfig) -> str:
    if server.backend.name == "external":
        grpc_address, rest_url = server.engine.addresses()
        return f"expected at gRPC {grpc_address}, REST {rest_url}"
    try:
        names = sorted(child.name for child in Path(model.base_path).iterdir())
    except OSError as exc:
        return f"{model.base_path} ({exc.strerror})"
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"{model.base_path} holds {shown or 'nothing'}"
