"""How far the models of a server have come: one look at a time, over gRPC or REST.

Servers do not import clients, so the two status calls are made here in their plainest form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import requests

from harness.secured import grpc_channel, http_session

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from harness.tls import Tls

    Headers = tuple[tuple[str, str], ...]

__all__ = ["GrpcPoll", "Look", "RestPoll", "StatusPoll"]

_CALL_TIMEOUT_S = 2.0  # what else may have happened to the server is looked at between two calls
_AVAILABLE = "AVAILABLE"


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one status call told of one model.

    Attributes:
        states: state by version.
        errors: error text by version, of those whose load ended in an error.
        text: the same for messages, or why there was no answer.
    """

    text: str
    states: dict[int, str]
    errors: dict[int, str]

    def is_ready(self, wanted: tuple[int, ...]) -> bool:
        """Whether every wanted version is available (if none is named: any version)."""
        available = {version for version, state in self.states.items() if state == _AVAILABLE}
        return bool(available) and available.issuperset(wanted)

    def failures(self, wanted: tuple[int, ...]) -> dict[int, str]:
        """Return the errors of the wanted versions (if none is named: of all)."""
        return {version: text for version, text in self.errors.items() if not wanted or version in wanted}


class StatusPoll(Protocol):
    """Asks for the state of a model's versions."""

    def __enter__(self) -> Self:
        """Return the poll."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close its connection."""
        ...

    def look(self, model: str) -> Look:
        """Return what the server says of that model now."""
        ...


def _silence(text: str) -> Look:
    return Look(text=text, states={}, errors={})


def _look(rows: list[tuple[int, str, str]]) -> Look:
    text = ", ".join(f"version {version} {state}" for version, state, _ in rows) or "no versions"
    states = {version: state for version, state, _ in rows}
    return Look(text=text, states=states, errors={version: error for version, _, error in rows if error})


class GrpcPoll:
    """Asks GetModelStatus."""

    def __init__(self, address: str, *, tls: Tls | None = None, headers: Headers = ()) -> None:
        """Open a channel that tries again quickly, for the server may just be starting.

        Raises:
            UsageError: a TLS file cannot be read.
        """
        from harness.protos import get_model_status_pb2, model_service_pb2_grpc

        options = {
            "grpc.enable_http_proxy": 0,
            "grpc.initial_reconnect_backoff_ms": 50,
            "grpc.max_reconnect_backoff_ms": 200,
        }
        self._metadata = tuple((name.lower(), value) for name, value in headers)
        self._messages = get_model_status_pb2
        self._channel = grpc_channel(address, tls, options)
        self._stub = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def __enter__(self) -> Self:
        """Return the poll; leaving the block closes its channel."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the channel."""
        self._channel.close()

    def look(self, model: str) -> Look:
        """Return what the server says of that model now."""
        request = self._messages.GetModelStatusRequest()
        request.model_spec.name = model
        try:
            response = self._stub.GetModelStatus(request, timeout=_CALL_TIMEOUT_S, metadata=self._metadata)
        except grpc.RpcError as exc:
            return _silence(f"{exc.code().name}: {exc.details()}")
        state_name = self._messages.ModelVersionStatus.State.Name
        return _look([_row(status, state_name(status.state)) for status in response.model_version_status])


def _row(status: Any, state: str) -> tuple[int, str, str]:
    error = status.status.error_message or f"error code {status.status.error_code}"
    return status.version, state, error if status.status.error_code else ""


class RestPoll:
    """Asks ``GET /v1/models/NAME``."""

    def __init__(self, base_url: str, *, tls: Tls | None = None, headers: Headers = ()) -> None:
        """Open a session that no proxy variable diverts.

        Raises:
            UsageError: a TLS file cannot be read.
        """
        self._base_url = base_url.rstrip("/")
        self._session = http_session(tls, dict(headers), trust_env=False)

    def __enter__(self) -> Self:
        """Return the poll; leaving the block closes its connection."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._session.close()

    def look(self, model: str) -> Look:
        """Return what the server says of that model now."""
        try:
            answer = self._session.get(f"{self._base_url}/v1/models/{model}", timeout=_CALL_TIMEOUT_S)
            if not answer.ok:
                return _silence(f"HTTP {answer.status_code}: {answer.text.strip()[:200]}")
            items = answer.json()["model_version_status"]
            return _look([(int(i["version"]), i["state"], i["status"]["error_message"]) for i in items])
        except (requests.exceptions.RequestException, ValueError, KeyError, TypeError) as exc:
            return _silence(str(exc))
