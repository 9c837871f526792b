"""Client: the interface that RestClient and GrpcClient share, so that a check can take either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.endpoint import Endpoint
    from harness.prediction import Classification, Prediction, Regression, VersionStatus
    from harness.signatures import Signature

__all__ = ["Client"]


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
