"""ServerSpec: everything that decides how a server is started, and nothing about how it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.endpoint import Endpoint
from harness.errors import UsageError
from harness.servers.command import OWN_FLAGS
from harness.servers.container_options import ContainerOptions
from harness.tls import Tls

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
        tls: files for TLS over gRPC, and over REST if its URL is an https one; None for plain text over gRPC.
        grpc_is_plain: whether gRPC speaks plain text all the same, for the files are for REST alone.
        headers: sent with every call; their values are secret.

    Raises:
        UsageError: TLS files where nothing speaks TLS.
    """

    grpc: str | None = None
    rest: str | None = None
    tls: Tls | None = None
    grpc_is_plain: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Refuse TLS files that nothing would use."""
        uses_tls = (self.grpc is not None and not self.grpc_is_plain) or (self.rest or "").startswith("https://")
        if self.tls is not None and not uses_tls:
            shown = ",".join(filter(None, (self.grpc, self.rest)))
            raise UsageError(
                f"TLS files are given (--serving-tls-...), but nothing at {shown} is called over TLS: write"
                " grpcs://HOST:PORT for gRPC, https://HOST:PORT for REST, or leave them out"
            )

    @classmethod
    def parse(cls, text: str, *, tls: Tls | None = None, headers: tuple[tuple[str, str], ...] = ()) -> ExternalAddress:
        """Read ``HOST:PORT`` or ``grpc://HOST:PORT`` for gRPC, a URL for REST, or both with a comma between.

        ``grpcs://HOST:PORT`` and ``https://HOST:PORT`` are called over TLS.

        Args:
            text: the addresses.
            tls: files for TLS; None for the system's certificates.
            headers: sent with every call.

        Raises:
            UsageError: neither, twice the same, TLS files where nothing speaks TLS, or a header that cannot be sent.
        """
        found: dict[str, str] = {}
        is_secure = False
        for part in (item.strip() for item in text.split(",")):
            api = "rest" if part.startswith(("http://", "https://")) else "grpc"
            address = part.removeprefix("grpcs://").removeprefix("grpc://")
            is_secure |= part.startswith("grpcs://")
            if not address or api in found or (api == "grpc" and not _is_grpc_address(address)):
                raise UsageError(
                    f"{text!r} is not an endpoint: give HOST:PORT for gRPC, http://HOST:PORT for REST, or both with a"
                    " comma between, e.g. 127.0.0.1:8500,http://127.0.0.1:8501; with TLS grpcs:// and https://"
                )
            found[api] = address
        external = cls(
            grpc=found.get("grpc"),
            rest=found.get("rest"),
            tls=Tls() if is_secure and tls is None else tls,
            grpc_is_plain="grpc" in found and not is_secure and tls is not None,
            headers=headers,
        )
        external.endpoint("any")  # refuses headers that cannot be sent
        return external

    def endpoint(self, model: str, *, version: int | None = None, label: str | None = None) -> Endpoint:
        """Return the endpoint of a model there.

        Raises:
            UsageError: both a version and a label, or a header that cannot be sent.
        """
        return Endpoint(
            grpc=self.grpc,
            rest=self.rest,
            model=model,
            version=version,
            label=label,
            tls=self.tls,
            grpc_is_plain=self.grpc_is_plain,
            headers=self.headers,
        )


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
