"""Server: a running TensorFlow Serving, whatever runs it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from harness.endpoint import Endpoint
from harness.errors import UsageError
from harness.servers import lifetimes
from harness.servers.readiness import TAIL_LINES, wait_until_ready

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from harness.model_config import ModelConfig
    from harness.servers.choice import BackendChoice
    from harness.servers.spec import ServerSpec

__all__ = ["Engine", "Server"]


class Engine(Protocol):
    """What a backend must be able to do with the server it has started: the one seam between backends.

    Attributes:
        command: how it was started, for messages and reports.
        image: image reference with its digest, None if no container runs.
    """

    command: tuple[str, ...]
    image: str | None

    def addresses(self) -> tuple[str | None, str | None]:
        """Return the gRPC address ``host:port`` and the REST base URL."""
        ...

    def base_path_of(self, model: ModelConfig) -> str:
        """Return a model's base path as the server sees it, e.g. inside of its container."""
        ...

    def exit_text(self) -> str | None:
        """Return how the server ended, None while it runs."""
        ...

    def log(self) -> str:
        """Return everything the server has written."""
        ...

    def stop(self) -> None:
        """End the server and remove all it needed; nothing happens if that was done."""
        ...

    def kill(self) -> None:
        """End the server as a crash would."""
        ...

    def restart(self) -> None:
        """End the server and start it again, without waiting until it is ready."""
        ...

    def pause(self) -> None:
        """Stop the server's work without ending it."""
        ...

    def resume(self) -> None:
        """Let a paused server work again."""
        ...

    def cpu_time_us(self) -> int | None:
        """Return CPU time used so far, in microseconds, None if it cannot be known."""
        ...

    def memory_bytes(self) -> int | None:
        """Return the memory used now, without what is kept of files, None if it cannot be known."""
        ...

    def peak_memory_bytes(self) -> int | None:
        """Return the highest resident memory so far, None if it cannot be known."""
        ...


class Server:
    """A server that answers. Leaving a ``with`` block, the end of the process, or ``stop`` ends it.

    Attributes:
        spec: what was asked for.
        backend: what runs it, and why.
        engine: the running thing itself.
    """

    def __init__(self, *, spec: ServerSpec, backend: BackendChoice, engine: Engine) -> None:
        """Take over a started engine, and answer for its end from now on."""
        self.spec = spec
        self.backend = backend
        self.engine = engine
        self._final_log: str | None = None
        lifetimes.remember(self)

    def __enter__(self) -> Self:
        """Return the server; leaving the block stops it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    def __repr__(self) -> str:
        """Return the backend, the models and the addresses."""
        grpc, rest = self.engine.addresses()
        return f"<Server {self.backend.name} models={','.join(self.spec.model_names)} grpc={grpc} rest={rest}>"

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of the one model that is served.

        Raises:
            UsageError: several models are served; name one with ``endpoint_of``.
        """
        if len(self.spec.models) != 1:
            raise UsageError(
                f"this server has the models {', '.join(self.spec.model_names)}; use server.endpoint_of(NAME)"
            )
        return self.endpoint_of(self.spec.models[0].name)

    def endpoint_of(self, model: str, *, version: int | None = None, label: str | None = None) -> Endpoint:
        """Return the endpoint of one of the models.

        Raises:
            UsageError: the server was not started with such a model.
        """
        if model not in self.spec.model_names:
            raise UsageError(f"no model {model!r} is served here; there are {', '.join(self.spec.model_names)}")
        if self.spec.external is not None and self.backend.name == "external":
            return self.spec.external.endpoint(model, version=version, label=label)
        grpc, rest = self.engine.addresses()
        return Endpoint(grpc=grpc, rest=rest, model=model, version=version, label=label)

    def inside(self, model: ModelConfig) -> ModelConfig:
        """Return a model's config as the server must be told it by ``reload_config``: with the path that it sees.

        In a container that is one of the directories it was started with, so the model's name must be one of those.
        """
        return replace(model, base_path=self.engine.base_path_of(model))

    @property
    def is_running(self) -> bool:
        """Whether the server has not ended."""
        return self._final_log is None and self.engine.exit_text() is None

    def log(self) -> str:
        """Return everything the server has written; also after it was stopped."""
        return self.engine.log() if self._final_log is None else self._final_log

    def log_tail(self, lines: int = TAIL_LINES) -> tuple[str, ...]:
        """Return the last lines the server has written."""
        return tuple(self.log().splitlines()[-lines:])

    def stop(self) -> None:
        """End the server, keep its log, and remove all it needed; nothing happens if that was done."""
        if self._final_log is not None:
            return
        try:
            self._final_log = self.engine.log()
        finally:
            try:
                self.engine.stop()
            finally:
                lifetimes.forget(self)

    def wait_until_ready(self) -> None:
        """Return when every wanted version of every model is available.

        Raises:
            StartupError: the server ended, or a version failed to load.
            NotReadyError: the deadline passed first.
        """
        wait_until_ready(
            self.engine,
            self.spec.models,
            timeout_s=self.spec.ready_timeout_s,
            choice=self.backend,
            external=self.spec.external,
        )

    def kill(self) -> None:
        """End the server as a crash would, whatever it is doing; its log stays, and ``stop`` removes the rest."""
        self.engine.kill()

    def restart(self) -> None:
        """End the server, start it again, and return when it is ready. It then has whatever versions lie on disk.

        A server on this machine keeps its ports; one on a remote Docker engine may get others, so ask for the endpoint
        again.

        Raises:
            StartupError: the server ended, or a version failed to load.
            NotReadyError: the deadline passed first.
        """
        self.engine.restart()
        self.wait_until_ready()

    def pause(self) -> None:
        """Stop the server's work without ending it, e.g. while another is measured."""
        self.engine.pause()

    def resume(self) -> None:
        """Let a paused server work again."""
        self.engine.resume()

    def cpu_time_us(self) -> int | None:
        """Return the CPU time the server has used so far, in microseconds; None if it cannot be known."""
        return self.engine.cpu_time_us()

    def memory_bytes(self) -> int | None:
        """Return the memory the server uses now; None if it cannot be known.

        Of a process its resident memory; of a container that of its control group, without what the kernel keeps of
        files and could drop at any time.
        """
        return self.engine.memory_bytes()

    def peak_memory_bytes(self) -> int | None:
        """Return the highest resident memory of the server so far; None if it cannot be known."""
        return self.engine.peak_memory_bytes()
