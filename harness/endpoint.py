"""Endpoint: where one served model answers."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import UsageError

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

    Raises:
        UsageError: both a version and a label, or no address at all.
    """

    grpc: str | None
    rest: str | None
    model: str
    version: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no request could express."""
        if self.version is not None and self.label is not None:
            raise UsageError(f"an endpoint takes a version ({self.version}) or a label ({self.label!r}), not both")
        if self.grpc is None and self.rest is None:
            raise UsageError("an endpoint needs a gRPC address, a REST address or both")

    @property
    def version_text(self) -> str:
        """How messages name the wanted version: ``latest``, a number, or ``label NAME``."""
        if self.label is not None:
            return f"label {self.label}"
        return "latest" if self.version is None else str(self.version)
