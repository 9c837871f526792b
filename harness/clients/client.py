"""Client: the interface that RestClient and GrpcClient share, so that a check can take either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from harness.errors import ResponseError, SignatureError, TensorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from harness.clients.inputs import Target
    from harness.endpoint import Endpoint
    from harness.prediction import Classification, Prediction, Regression, VersionStatus
    from harness.signatures import Signature

__all__ = ["BaseClient", "Client"]

_T = TypeVar("_T")


class Client(Protocol):
    """Calls one served model. Every method raises a CallError (see ``harness.errors``) if the call brings no answer.

    ``version`` and ``label`` override the endpoint's for one call; ``timeout_s`` overrides the client's.
    """

    api: str
    endpoint: Endpoint

    def predict(
        self,
        inputs: Mapping[str, Any],
        *,
        signature_name: str = ...,
        version: int | None = ...,
        label: str | None = ...,
        timeout_s: float | None = ...,
    ) -> Prediction:
        """Run a signature on tensors by input name."""
        ...

    def classify(
        self,
        examples: Sequence[Mapping[str, Any]],
        *,
        context: Mapping[str, Any] | None = ...,
        signature_name: str = ...,
        version: int | None = ...,
        label: str | None = ...,
        timeout_s: float | None = ...,
    ) -> Classification:
        """Classify examples given as features by name."""
        ...

    def regress(
        self,
        examples: Sequence[Mapping[str, Any]],
        *,
        context: Mapping[str, Any] | None = ...,
        signature_name: str = ...,
        version: int | None = ...,
        label: str | None = ...,
        timeout_s: float | None = ...,
    ) -> Regression:
        """Regress examples given as features by name."""
        ...

    def signatures(self, *, version: int | None = ..., label: str | None = ...) -> dict[str, Signature]:
        """Return the served signatures by name."""
        ...

    def model_status(self, *, version: int | None = ..., timeout_s: float | None = ...) -> tuple[VersionStatus, ...]:
        """Return the state of every version the server knows, highest first."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class BaseClient:
    """What both clients do alike: closing, remembering signatures, reading answers."""

    api: str
    _address: str

    def __init__(self, endpoint: Endpoint, *, timeout_s: float) -> None:
        """Keep the endpoint and the time limit of each call."""
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self._signatures: dict[tuple[int | None, str | None], dict[str, Signature]] = {}

    def __enter__(self) -> Self:
        """Return the client; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        raise NotImplementedError

    def signatures(
        self, *, version: int | None = None, label: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Signature]:
        """Return the served signatures by name."""
        raise NotImplementedError

    def _known_signatures(self, target: Target) -> dict[str, Signature]:
        key = (target.version, target.label)
        if key not in self._signatures:
            self._signatures[key] = self.signatures(version=target.version, label=target.label)
        return self._signatures[key]

    def _read(self, method: str, target: Target, read: Callable[[], _T]) -> _T:
        """Return what ``read`` makes of an answer; what it cannot read becomes a ResponseError."""
        try:
            return read()
        except (TensorError, SignatureError, ValueError) as exc:
            raise ResponseError(
                f"the answer cannot be read: {exc}", target=self._address, api=self.api, request=target.describe(method)
            ) from exc
