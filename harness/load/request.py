"""EncodedRequest: one request as the bytes that go over the wire, so that encoding is never measured."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.errors import UsageError
from harness.headers import check_headers, is_metadata, merged_headers

if TYPE_CHECKING:
    from harness.endpoint import Endpoint
    from harness.results.measured import Api

__all__ = ["EncodedRequest", "check_metadata", "predict_method", "with_headers"]

_GRPC_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_METHOD = re.compile(r"/[!-~]*")
_VERB = re.compile(r"[A-Z]+")
_NO_ANSWER_OF_THEIR_OWN = {"CONNECT", "HEAD"}


@dataclass(frozen=True, kw_only=True)
class EncodedRequest:
    """A request ready to send.

    Attributes:
        body: over gRPC the serialized message (e.g. a PredictRequest), over REST the body; may be empty.
        method: over gRPC the full method name, e.g. ``/tensorflow.serving.PredictionService/Predict``; over REST the
            path with its query, e.g. ``/v1/models/digits:predict``.
        verb: the HTTP method over REST; not used over gRPC.
        headers: further HTTP headers, or gRPC metadata, as pairs of strings; names of letters, digits, ``-``, ``_``
            and ``.``, values of printable ASCII.

    Raises:
        UsageError: something that could not be sent as it is.
    """

    body: bytes = field(repr=False)
    method: str
    verb: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what neither protocol could send."""
        if not _METHOD.fullmatch(self.method):
            raise UsageError(
                f"method must be a slash and then printable ASCII without spaces, got {self.method!r}; "
                "e.g. /tensorflow.serving.PredictionService/Predict or /v1/models/digits:predict"
            )
        if not _VERB.fullmatch(self.verb) or self.verb in _NO_ANSWER_OF_THEIR_OWN:
            raise UsageError(f"verb must be an HTTP method whose answer has a body, as POST or GET, got {self.verb!r}")
        check_headers(self.headers)


def check_metadata(request: EncodedRequest) -> None:
    """Refuse headers that HTTP/1.1 knows, and gRPC's HTTP/2 does not.

    Raises:
        UsageError: there is one.
    """
    for name, _ in request.headers:
        if not is_metadata(name):
            raise UsageError(f"header {name!r} cannot be sent over gRPC, where it is the engine's own; leave it out")


def with_headers(requests: tuple[EncodedRequest, ...], endpoint: Endpoint) -> tuple[EncodedRequest, ...]:
    """Return requests with the headers of the endpoint they go to, too; a request's own header wins."""
    if not endpoint.headers:
        return requests
    return tuple(replace(each, headers=merged_headers(endpoint.headers, each.headers)) for each in requests)


def predict_method(endpoint: Endpoint, api: Api) -> str:
    """Return the method of a Predict of the endpoint's model, as `EncodedRequest` takes it."""
    if api == "grpc":
        return _GRPC_PREDICT
    path = f"/v1/models/{quote(endpoint.model, safe='')}"
    if endpoint.version is not None:
        path += f"/versions/{endpoint.version}"
    if endpoint.label is not None:
        path += f"/labels/{quote(endpoint.label, safe='')}"
    return path + ":predict"
