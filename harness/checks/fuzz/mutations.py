"""Mutation: one way to spoil a request, with the code and the text that the server must refuse it with. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.checks.fuzz.faults import Fault, is_cut
from harness.dtypes import dtype_of_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from hypothesis.strategies import SearchStrategy

    from harness.checks.request import Method
    from harness.clients.inputs import Target
    from harness.errors import StatusError
    from harness.signatures import Signature

__all__ = [
    "UNKNOWN_LABELS",
    "UNKNOWN_MODELS",
    "UNKNOWN_NAMES",
    "UNKNOWN_SIGNATURES",
    "UNKNOWN_VERSIONS",
    "Base",
    "Mutation",
    "Raw",
    "moved",
    "server_name",
    "words_of",
]

UNKNOWN_MODELS = ("no_such_model", "no such model", "mod\u00e8le")
UNKNOWN_VERSIONS = (987_654_321, 2**63 - 1)
UNKNOWN_LABELS = ("no_such_label", "no such label")
UNKNOWN_SIGNATURES = ("no_such_signature", "no such signature")
UNKNOWN_NAMES = ("no_such_name", "no such name")


@dataclass(frozen=True, kw_only=True)
class Base:
    """What is right about a request before it is spoilt.

    Attributes:
        target: the model, its version or label as the endpoint names them, and the signature.
        signature: what the request is for.
        method: the API it is for.
        inputs: arrays that fit the signature; empty for classify and regress.
    """

    target: Target
    signature: Signature
    method: Method
    inputs: Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A spoilt request as it is sent.

    Attributes:
        where: the method of PredictionService, or the path of a POST.
        body: the bytes.
        words: what the expected text says of this very request, by the names that ``Mutation.text`` uses.
    """

    where: str
    body: bytes
    words: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One way to spoil a request.

    Attributes:
        name: what is wrong with the request, for people.
        code: what the server refuses it with: gRPC's status name, or the HTTP status.
        text: a part of the server's text, with ``%(name)s`` for what differs from request to request.
        make: returns a strategy for such requests, None where the signature gives no occasion.
        or_text: a part of the text of other releases, or with other flags of the server; empty for none.
    """

    name: str
    code: str | int
    text: str
    make: Callable[[Base], SearchStrategy[Raw] | None]
    or_text: str = ""

    def fault_of(self, request: Raw, error: StatusError | None) -> Fault | None:
        """Return what is wrong with the server's refusal, None if it is as it should be.

        Args:
            request: what was asked.
            error: the refusal, None if the request was answered.
        """
        wanted = self.text % request.words
        if error is None:
            return Fault(kind="answered", text=f"it was answered; it should be refused with {self.code}: {wanted}")
        code = error.code if error.http_status is None else error.http_status
        texts = [text for text in (wanted, self.or_text % request.words) if text or not wanted]
        is_right = any(text in error.server_message for text in texts) or is_cut(error.server_message)
        if code == self.code and is_right:
            return None
        kind = "wrong code" if code != self.code else "wrong text"
        return Fault(
            kind=kind, text=f"{kind}: {code}: {error.server_message!r}; it should be {self.code}: ...{wanted}..."
        )


def moved(target: Target, part: str, value: Any) -> Target:
    """Return a target with another model, version, label or signature; only one of the former three is named then."""
    if part == "signature_name":
        return replace(target, signature_name=value)
    return replace(target, **{"version": None, "label": None, part: value})


def words_of(target: Target) -> dict[str, Any]:
    """Return what texts may say of a target."""
    return {
        "model": target.model,
        "version": target.version,
        "label": target.label,
        "signature": target.signature_name,
    }


def server_name(dtype: str) -> str:
    """Return a dtype as the server's texts call it, e.g. ``float`` for float32."""
    return dtype_of_name(dtype).label.removeprefix("DT_").lower()
