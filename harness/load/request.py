"""EncodedRequest: one request as the bytes that go over the wire, so that encoding is never measured."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.endpoint import Endpoint
    from harness.results.measured import Api

__all__ = ["EncodedRequest", "check_metadata", "predict_method"]

_GRPC_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_METHOD = re.compile(r"/[!-~]*")
_VERB = re.compile(r"[A-Z]+")
_NO_ANSWER_OF_THEIR_OWN = {"CONNECT", "HEAD"}
_NAME = re.compile(r"[0-9A-Za-z_.-]+")  # what gRPC takes; HTTP/1.1 takes all of it, too
_VALUE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
_WRITTEN = {"content-length", "te", "transfer-encoding"}
_NO_METADATA = {"connection", "content-type", "host", "keep-alive", "proxy-connection", "upgrade", "user-agent"}
_MOST_BYTES = 8_192  # of all headers together: the default limit of gRPC servers, and of most HTTP servers


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
        for name, value in self.headers:
            _check_header(name, value)
        size = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > _MOST_BYTES:
            raise UsageError(f"the headers take {size:,} bytes, servers refuse more than {_MOST_BYTES:,}; send fewer")


def _check_header(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"header name {name!r} must be made of letters, digits, '-', '_' and '.'; leave ':' and spaces out"
        )
    if not _VALUE.fullmatch(value):
        raise UsageError(
            f"the value of header {name!r} must be printable ASCII without spaces at its ends, got {value!r};"
            " encode other text, e.g. as base64"
        )
    if name.lower() in _WRITTEN:
        raise UsageError(f"header {name!r} is written by the engine; leave it out")


def check_metadata(request: EncodedRequest) -> None:
    """Refuse headers that HTTP/1.1 knows, and gRPC's HTTP/2 does not.

    Raises:
        UsageError: there is one.
    """
    for name, _ in request.headers:
        if name.lower() in _NO_METADATA or name.lower().startswith("grpc-"):
            raise UsageError(f"header {name!r} cannot be sent over gRPC, where it is the engine's own; leave it out")


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
