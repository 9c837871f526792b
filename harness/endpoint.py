"""Endpoint: where one served model answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.headers import SecretText, check_headers, is_metadata

if TYPE_CHECKING:
    from typing import Literal

    from harness.tls import Tls

__all__ = ["Endpoint"]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The addresses of a server and the model to ask there. A server yields it, a client takes it.

    Attributes:
        grpc: ``host:port`` (or ``unix:/path``) of the gRPC API, None if the server has none.
        rest: base URL of the REST API without ``/v1``, e.g. ``http://127.0.0.1:8501``, None if the server has none.
        model: the servable's name.
        version: the version to ask for, None for the latest that is available.
        label: a version label to ask for instead of a version, None for none.
        tls: files for TLS, e.g. of a gateway; gRPC then speaks TLS, REST where its URL is an https one. None: gRPC
            speaks plain text.
        grpc_is_plain: whether gRPC speaks plain text though there are TLS files, which are for REST alone.
        headers: sent with every call, gRPC's metadata too, as pairs of name and value. The values are secret: they are
            in no ``repr`` and no message.

    Raises:
        UsageError: both a version and a label, no address at all, or a header that could not be sent.
    """

    grpc: str | None
    rest: str | None
    model: str
    version: int | None = None
    label: str | None = None
    tls: Tls | None = None
    grpc_is_plain: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Refuse what no request could express."""
        if self.version is not None and self.label is not None:
            raise UsageError(f"an endpoint takes a version ({self.version}) or a label ({self.label!r}), not both")
        if self.grpc is None and self.rest is None:
            raise UsageError("an endpoint needs a gRPC address, a REST address or both")
        self._check_headers()
        secret = tuple((name, SecretText(value)) for name, value in self.headers)
        object.__setattr__(self, "headers", secret)

    def __repr__(self) -> str:
        """Return what makes it again, but for the headers' values; short where nothing out of the ordinary is asked."""
        rare = {"tls": self.tls, "grpc_is_plain": self.grpc_is_plain or None}
        named: dict[str, object] = {
            "grpc": self.grpc,
            "rest": self.rest,
            "model": self.model,
            "version": self.version,
            "label": self.label,
        }
        named |= {name: value for name, value in rare.items() if value is not None}
        return f"Endpoint({', '.join(f'{name}={value!r}' for name, value in named.items())})"

    def _check_headers(self) -> None:
        check_headers(self.headers)
        names = [name.lower() for name, _ in self.headers]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"header {name!r} is given twice; give it once")
            if self.grpc is not None and not is_metadata(name):
                raise UsageError(f"header {name!r} cannot be sent over gRPC, where it is its own; leave it out")
            if self.grpc is not None and name.endswith("-bin"):
                raise UsageError(
                    f"header {name!r} would be bytes over gRPC, as all that end in -bin; name it otherwise"
                )

    @property
    def apis(self) -> tuple[Literal["grpc", "rest"], ...]:
        """The APIs that there is an address of, gRPC first."""
        known: tuple[Literal["grpc", "rest"], ...] = ("grpc", "rest")
        return tuple(api for api in known if getattr(self, api) is not None)

    def tls_over(self, api: Literal["grpc", "rest"]) -> Tls | None:
        """Return the files for TLS over an API; None for plain text, and for https with the system's certificates."""
        if api == "grpc":
            return None if self.grpc_is_plain else self.tls
        return self.tls if (self.rest or "").startswith("https://") else None

    @property
    def version_text(self) -> str:
        """How messages name the wanted version: ``latest``, a number, or ``label NAME``."""
        if self.label is not None:
            return f"label {self.label}"
        return "latest" if self.version is None else str(self.version)
