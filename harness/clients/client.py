"""Client: the interface that RestClient and GrpcClient share, so that a check can take either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from harness.clients.inputs import Target
from harness.errors import CallError, ResponseError, SignatureError, StatusError, TensorError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from harness.endpoint import Endpoint
    from harness.prediction import Classification, Prediction, Regression, VersionStatus
    from harness.signatures import Signature

__all__ = ["BaseClient", "Client"]

_T = TypeVar("_T")
_A = TypeVar("_A")


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

    def signatures(
        self, *, version: int | None = ..., label: str | None = ..., timeout_s: float | None = ...
    ) -> dict[str, Signature]:
        """Return the served signatures by name."""
        ...

    def forget_signatures(self) -> None:
        """Ask for signatures anew when they are needed next."""
        ...

    def model_status(self, *, version: int | None = ..., timeout_s: float | None = ...) -> tuple[VersionStatus, ...]:
        """Return the state of every version the server knows, highest first."""
        ...

    def close(self) -> None:
        """Give the connection back; the client cannot be used again."""
        ...


class BaseClient:
    """What both clients do alike: closing, remembering signatures, reading answers.

    The signatures of a target are asked for when they are needed first and remembered. A target that names no version
    can come to mean another one, so a call that fails on remembered signatures asks again, and is tried once more if
    they have changed.
    """

    api: str
    _address: str

    def __init__(self, endpoint: Endpoint, *, timeout_s: float) -> None:
        """Keep the endpoint and the time limit of each call."""
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self._signatures: dict[tuple[int | None, str | None], dict[str, Signature]] = {}
        self._targets: dict[tuple[int | None, str | None, str], Target] = {}
        self._is_closed = False

    def __enter__(self) -> Self:
        """Return the client; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Give the connection back; the client cannot be used again. Closing twice does no harm."""
        self._is_closed = True
        self._close()

    def _close(self) -> None:
        raise NotImplementedError

    def signatures(
        self, *, version: int | None = None, label: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Signature]:
        """Return the served signatures by name."""
        raise NotImplementedError

    def forget_signatures(self) -> None:
        """Ask for signatures anew when they are needed next, e.g. after a new version was put in place."""
        self._signatures.clear()

    def _known_signatures(self, target: Target, timeout_s: float | None = None) -> dict[str, Signature]:
        key = (target.version, target.label)
        known = self._signatures.get(key)
        if known is None:
            known = self.signatures(version=target.version, label=target.label, timeout_s=timeout_s)
            self._signatures[key] = known
        return known

    def _on_current_signatures(self, target: Target, attempt: Callable[[], _T], timeout_s: float | None) -> _T:
        """Return what ``attempt`` brings; run it once more if it fails on remembered signatures that have changed."""
        remembered = self._signatures.get((target.version, target.label))
        try:
            return attempt()
        except (StatusError, TensorError, SignatureError) as exc:
            is_unfit = not isinstance(exc, StatusError) or exc.code == "INVALID_ARGUMENT"
            if remembered is None or not is_unfit or not self._have_changed(remembered, target, timeout_s):
                raise
        return attempt()

    def _have_changed(self, remembered: dict[str, Signature], target: Target, timeout_s: float | None) -> bool:
        self._signatures.pop((target.version, target.label), None)
        try:
            return self._known_signatures(target, timeout_s) != remembered
        except (CallError, SignatureError):
            return False  # the first error says more

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise UsageError(f"this client of {self._address} was closed; make a new one")

    def _target(self, version: int | None, label: str | None, signature_name: str = "") -> Target:
        """Return the target of a call; the same one for the same arguments, as most calls have them."""
        key = (version, label, signature_name)
        target = self._targets.get(key)
        if target is None:
            target = self._targets[key] = Target.of(self.endpoint, version, label, signature_name)
        return target

    def _read(self, method: str, target: Target, read: Callable[[_A], _T], answer: _A) -> _T:
        """Return what ``read`` makes of an answer; what it cannot read becomes a ResponseError."""
        try:
            return read(answer)
        except (TensorError, SignatureError, ValueError) as exc:
            raise ResponseError(
                f"the answer cannot be read: {exc}", target=self._address, api=self.api, request=target.describe(method)
            ) from exc
