"""ServerSpec: everything that decides how a server is started, and nothing about how it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.errors import UsageError
from harness.servers.command import OWN_FLAGS
from harness.servers.container_options import ContainerOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.model_config import ModelConfig

__all__ = ["BACKENDS", "BackendName", "ExternalAddress", "ServerSpec"]

BackendName = Literal["auto", "container", "binary", "standin", "external"]
BACKENDS: tuple[BackendName, ...] = ("auto", "container", "binary", "standin", "external")


@dataclass(frozen=True, kw_only=True)
class ExternalAddress:
    """Where a server answers that somebody else started.

    Attributes:
        grpc: ``host:port``, None if only REST is to be used.
        rest: base URL, None if only gRPC is to be used.
    """

    grpc: str | None = None
    rest: str | None = None

    @classmethod
    def parse(cls, text: str) -> ExternalAddress:
        """Read ``HOST:PORT`` or ``grpc://HOST:PORT`` for gRPC, a URL for REST, or both with a comma between.

        Raises:
            UsageError: neither, or twice the same.
        """
        found: dict[str, str] = {}
        for part in (item.strip() for item in text.split(",")):
            api = "rest" if part.startswith(("http://", "https://")) else "grpc"
            address = part.removeprefix("grpc://")
            if not address or api in found or (api == "grpc" and not _is_grpc_address(address)):
                raise UsageError(
                    f"{text!r} is not an endpoint: give HOST:PORT for gRPC, http://HOST:PORT for REST, or both with a"
                    " comma between, e.g. 127.0.0.1:8500,http://127.0.0.1:8501"
                )
            found[api] = address
        return cls(grpc=found.get("grpc"), rest=found.get("rest"))


def _is_grpc_address(address: str) -> bool:
    if address.startswith("unix:"):
        return True
    host, _, port = address.rpartition(":")
    return bool(host) and port.isdigit() and "/" not in address


@dataclass(frozen=True, kw_only=True)
class ServerSpec:
    """What to serve, and by which backend.

    Attributes:
        models: the models; each ``base_path`` is a path on this machine.
        backend: ``auto`` takes the first that can work: external (if an address is given), container, binary, standin.
        args: further flags for the server, e.g. ``--enable_batching``.
        image: container image; None for ``tensorflow/serving`` of the installed tensorflow-serving-api's version.
        binary: path of ``tensorflow_model_server``; None looks on PATH.
        external: address of a running server.
        grpc_port: port on this machine; None for a free one.
        rest_port: port on this machine; None for a free one.
        environment: further environment variables of the server.
        mounts: further read-only mounts of a container, as (path on the engine's machine, path in the container), e.g.
            of custom ops.
        container: limits and surroundings of a container.
        metrics: let the server show Prometheus metrics; the user's own ``--monitoring_config_file`` stays as it is.
        log_directory: where each server's log is kept, as it is written; None keeps none beyond the server's life.
        ready_timeout_s: how long every wanted version may take to become available.
        stop_timeout_s: how long the server may take to end before it is killed.
    """

    models: tuple[ModelConfig, ...]
    backend: BackendName = "auto"
    args: tuple[str, ...] = ()
    image: str | None = None
    binary: str | None = None
    external: ExternalAddress | None = None
    grpc_port: int | None = None
    rest_port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[tuple[str, str], ...] = ()
    container: ContainerOptions = field(default_factory=ContainerOptions)
    metrics: bool = False
    log_directory: Path | None = None
    ready_timeout_s: float = 120.0
    stop_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what no backend could start."""
        if not self.models:
            raise UsageError("a server needs at least one model to serve")
        if self.backend not in BACKENDS:
            raise UsageError(f"{self.backend!r} is not a backend; there are {', '.join(BACKENDS)}")
        if self.container.given and self.backend not in ("auto", "container"):
            given = " and ".join(self.container.given)
            raise UsageError(f"{given}: that is for a container; backend {self.backend!r} cannot keep to it")
        for flag in self.args:
            if flag.partition("=")[0] in OWN_FLAGS:
                raise UsageError(
                    f"{flag}: the harness chooses the ports, and tells them as server.endpoint; leave the flag out"
                    " (tfserving-harness has --port and --rest-port)"
                )
        for model in self.models:
            if self.external is None and self.backend != "external" and not Path(model.base_path).is_absolute():
                raise UsageError(
                    f"model {model.name!r}: base path {model.base_path!r} must be absolute; the server refuses others"
                )

    @property
    def model_names(self) -> tuple[str, ...]:
        """The names of the models, in the order given."""
        return tuple(model.name for model in self.models)
