"""Readiness: every wanted version AVAILABLE, both ports open; an exit or a failed load is noticed at once.

It asks the status API, as behaviour item 15 demands, and never reads the log: log levels and wording change.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from harness.errors import NotReadyError, StartupError
from harness.servers.diagnosis import hopeless_cause, last_word, likely_cause, likely_external_cause
from harness.servers.status_poll import GrpcPoll, Look, RestPoll, StatusPoll
from harness.versions import version_directories, wanted_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model_config import ModelConfig
    from harness.servers.choice import BackendChoice
    from harness.servers.spec import ExternalAddress

__all__ = ["TAIL_LINES", "Answering", "wait_until_ready"]

TAIL_LINES = 30

_APIS: tuple[Literal["grpc", "rest"], ...] = ("grpc", "rest")
_POLL_S = 0.05
_EXTERNAL_PATIENCE_S = 5.0
_REST_PATIENCE_S = 10.0  # REST opens right after gRPC, or not at all (behaviour items 4, 5, 14, 190)
_HOPELESS_AFTER_S = 0.5  # log and folders are looked at only after a server had time to be ready
_HOPELESS_EVERY_S = 0.5  # a log may be long, and the engine far


class Answering(Protocol):
    """What readiness asks of a server, whatever runs it."""

    command: tuple[str, ...]

    def addresses(self) -> tuple[str | None, str | None]:
        """Return the gRPC address ``host:port`` and the REST base URL."""
        ...

    def exit_text(self) -> str | None:
        """Return how the server ended, None while it runs."""
        ...

    def log(self) -> str:
        """Return everything the server has written."""
        ...


def wait_until_ready(
    engine: Answering,
    models: Sequence[ModelConfig],
    *,
    timeout_s: float,
    choice: BackendChoice,
    external: ExternalAddress | None = None,
) -> None:
    """Return when every wanted version of every model is available over each API that the server has.

    Args:
        engine: the started server.
        models: what it is to serve.
        timeout_s: how long that may take; a server of the user's gets 5 s at most, for it is said to run already.
        choice: what runs it, and why.
        external: how a server of the user's is reached.

    Raises:
        StartupError: the server ended, or a version failed to load.
        NotReadyError: the deadline passed first.
    """
    is_external = choice.name == "external"
    limit_s = min(timeout_s, _EXTERNAL_PATIENCE_S) if is_external else timeout_s
    wanted = {model.name: model.versions if is_external else _on_disk(model) for model in models}
    wait = _Wait(engine=engine, models=tuple(models), wanted=wanted, limit_s=limit_s, choice=choice, external=external)
    with ExitStack() as stack:
        for poll in wait.polls():
            wait.until_available(stack.enter_context(poll))


def _on_disk(model: ModelConfig) -> tuple[int, ...]:
    try:
        on_disk = list(version_directories(Path(model.base_path)))
    except OSError:
        on_disk = []  # the server would wait for ever; the layout says why
    return wanted_versions(model, on_disk)


def _text(looks: dict[str, Look]) -> str:
    return "; ".join(f"{name}: {look.text}" for name, look in looks.items())


@dataclass(kw_only=True)
class _Wait:
    """One wait for one server: what is wanted, until when, and what to say if it does not come."""

    engine: Answering
    models: tuple[ModelConfig, ...]
    wanted: dict[str, tuple[int, ...]]
    limit_s: float
    choice: BackendChoice
    external: ExternalAddress | None = None
    began_s: float = field(default_factory=time.monotonic)
    looked_s: float = 0.0
    grpc_ready_s: float = 0.0

    @property
    def _is_external(self) -> bool:
        return self.choice.name == "external"

    def polls(self) -> list[StatusPoll]:
        """Return a poll for each API: gRPC opens first, REST after it (behaviour item 14)."""
        try:
            grpc_address, rest_url = self.engine.addresses()
        except OSError:  # an ended container has no ports any more
            self._raise_if_lost({})
            raise
        polls: list[StatusPoll] = []
        there = self.external.endpoint("any") if self._is_external and self.external is not None else None
        tls = {api: None if there is None else there.tls_over(api) for api in _APIS}
        headers = () if there is None else there.headers
        if grpc_address is not None:
            polls.append(GrpcPoll(grpc_address, tls=tls["grpc"], headers=headers))
        if rest_url is not None:
            polls.append(RestPoll(rest_url, tls=tls["rest"], headers=headers))
        return polls

    def until_available(self, poll: StatusPoll) -> None:
        """Return when one API shows every wanted version as available."""
        while True:
            looks = {name: poll.look(name) for name in self.wanted}
            if all(look.is_ready(self.wanted[name]) for name, look in looks.items()):
                self.grpc_ready_s = time.monotonic() - self.began_s
                return
            self._raise_if_lost(looks)
            waited_s = time.monotonic() - self.began_s
            if isinstance(poll, RestPoll) and waited_s - self.grpc_ready_s > _REST_PATIENCE_S and self.grpc_ready_s:
                raise self._error(StartupError, f"gRPC serves, but REST does not open; seen {_text(looks)}")
            if waited_s > self.limit_s:
                what = f"not ready within {self.limit_s:g} s; {self._asked()}; seen {_text(looks)}"
                raise self._error(NotReadyError, what)
            time.sleep(_POLL_S)

    def _raise_if_lost(self, looks: dict[str, Look]) -> None:
        """Raise if waiting longer cannot help."""
        ended = self.engine.exit_text()
        if ended is not None:
            word = last_word(self.engine.log())
            why = f": {word}" if word else ""
            raise self._error(StartupError, f"the server ended before it was ready ({ended}){why}")
        for name, look in looks.items():
            for version, text in look.failures(self.wanted[name]).items():
                raise self._error(StartupError, f"model {name} version {version} failed to load: {text}")
        now_s = time.monotonic()
        is_due = now_s - self.began_s > _HOPELESS_AFTER_S and now_s - self.looked_s > _HOPELESS_EVERY_S
        if is_due and not self._is_external:
            self.looked_s = now_s
            cause = hopeless_cause(self.engine.log(), _text(looks), self.models)
            if cause:
                raise self._error(StartupError, f"the server runs, but will never be ready: {cause}", is_explained=True)

    def _asked(self) -> str:
        asked = "; ".join(f"{name} {list(versions) or 'any version'}" for name, versions in self.wanted.items())
        return f"wanted {asked}"

    def _error(
        self, kind: type[StartupError | NotReadyError], what: str, *, is_explained: bool = False
    ) -> StartupError | NotReadyError:
        lines = [what, f"  backend: {self.choice}", f"  command: {' '.join(self.engine.command)}"]
        lines += [f"  model {model.name}: {self._layout_text(model)}" for model in self.models]
        log = self.engine.log()
        cause = likely_external_cause(what) if self._is_external else likely_cause(what, log, self.models)
        if cause and not is_explained:
            lines.append(f"  likely cause: {cause}")
        return kind("\n".join(lines), log_tail=tuple(log.splitlines()[-TAIL_LINES:]))

    def _layout_text(self, model: ModelConfig) -> str:
        if self._is_external:
            grpc_address, rest_url = self.engine.addresses()
            return f"expected at gRPC {grpc_address}, REST {rest_url}"
        try:
            names = sorted(child.name for child in Path(model.base_path).iterdir())
        except OSError as exc:
            return f"{model.base_path} ({exc.strerror})"
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        return f"{model.base_path} holds {shown or 'nothing'}"
