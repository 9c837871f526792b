"""RestClient: TensorFlow Serving's REST API, in arrays instead of JSON."""

from __future__ import annotations

from http.client import RemoteDisconnected
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from harness.clients.access import headers_of
from harness.clients.inputs import Target
from harness.clients.rest_codec import (
    Layout,
    examples_body,
    read_classes,
    read_outputs,
    read_statuses,
    read_values,
)
from harness.clients.rest_errors import innermost_error, translate_answer, translate_exception
from harness.clients.rest_requests import RestRequests
from harness.clients.rest_session import open_session
from harness.errors import UsageError
from harness.prediction import Classification, Prediction, Regression
from harness.signatures import DEFAULT_SIGNATURE, Signature, pick_signature, signatures_from_json
from harness.tensors_json import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.endpoint import Endpoint
    from harness.prediction import VersionStatus
    from harness.tls import Tls

__all__ = ["RestClient"]

_OK = 200


class RestClient(RestRequests):
    """Calls one served model over REST, on connections that are kept alive.

    Args:
        endpoint: address and model; ``endpoint.rest`` must be set.
        timeout_s: how long to wait for the connection, and for each part of the answer, in seconds.
        tls: PEM files for an ``https://`` gateway; TensorFlow Serving's own REST port speaks plain HTTP. None for
            the endpoint's.
        headers: sent beside the endpoint's with every call, e.g. ``{"Authorization": "Bearer ..."}`` for a gateway.

    REST answers carry no dtypes, and a single output not even its name: the client asks for the served signature once,
    and again if an answer does not fit it. What fits the former signature too (an output renamed, float64 for float32)
    cannot be told from it: name a version, or call ``forget_signatures`` once a new one is in place.

    Raises:
        UsageError: the endpoint has no REST address; a TLS file cannot be read.
    """

    api = "rest"

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float = 60.0,
        tls: Tls | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare a session; it connects at the first call."""
        if endpoint.rest is None:
            raise UsageError(f"the endpoint of model {endpoint.model!r} has no REST address; use GrpcClient")
        super().__init__(endpoint, timeout_s=timeout_s)
        self._address = endpoint.rest.rstrip("/")
        self._session = open_session(
            self._address, tls or endpoint.tls_over("rest"), dict(headers_of(endpoint, headers))
        )
        self._was_answered = False

    def close(self) -> None:
        """Close the connections; later calls are refused."""
        super().close()

    def _close(self) -> None:
        self._session.close()

    def predict(
        self,
        inputs: Mapping[str, Any],
        *,
        signature_name: str = DEFAULT_SIGNATURE,
        layout: Layout = "column",
        version: int | None = None,
        label: str | None = None,
        timeout_s: float | None = None,
    ) -> Prediction:
        """Run a signature.

        Args:
            inputs: array or nested lists by input name. JSON has no dtypes: the server reads numbers as the
                signature says.
            signature_name: which signature to run.
            layout: ``column`` sends each tensor as it is; ``row`` sends a list of examples, so that every tensor
                needs the same batch dimension.
            version: version to ask for instead of the endpoint's.
            label: version label to ask for instead of the endpoint's version.
            timeout_s: overrides the client's.

        Returns:
            All outputs (REST cannot choose among them), in the signature's dtypes.

        Raises:
            CallError: no answer; a StatusError holds the server's code and text.
            TensorError: an input that JSON cannot carry.
        """
        target = self._target(version, label, signature_name)

        def attempt() -> bytes:
            return self._call("predict", target, self._predict_body(inputs, target, layout, timeout_s), timeout_s)

        body = self._on_current_signatures(target, attempt, timeout_s)
        outputs = self._read_outputs(body, target, layout, timeout_s)
        return Prediction(
            outputs=outputs, model=target.model, model_version=target.version, signature_name=signature_name
        )

    def classify(
        self,
        examples: Sequence[Mapping[str, Any]],
        *,
        context: Mapping[str, Any] | None = None,
        signature_name: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        label: str | None = None,
        timeout_s: float | None = None,
    ) -> Classification:
        """Classify examples, each given as features by name (floats, ints, str or bytes, or lists of one kind).

        Raises:
            CallError: no answer; a StatusError holds the server's code and text.
            TensorError: a feature that a tf.Example cannot hold.
        """
        target = self._target(version, label, signature_name)
        body = examples_body(examples, context, signature_name=signature_name)
        document = self._document("classify", target, body, timeout_s)
        classes = self._read("classify", target, read_classes, document)
        return Classification(
            classes=classes, model=target.model, model_version=target.version, signature_name=signature_name
        )

    def regress(
        self,
        examples: Sequence[Mapping[str, Any]],
        *,
        context: Mapping[str, Any] | None = None,
        signature_name: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        label: str | None = None,
        timeout_s: float | None = None,
    ) -> Regression:
        """Regress examples, each given as features by name.

        Raises:
            CallError: no answer; a StatusError holds the server's code and text.
            TensorError: a feature that a tf.Example cannot hold.
        """
        target = self._target(version, label, signature_name)
        body = examples_body(examples, context, signature_name=signature_name)
        document = self._document("regress", target, body, timeout_s)
        values = self._read("regress", target, read_values, document)
        return Regression(
            values=values, model=target.model, model_version=target.version, signature_name=signature_name
        )

    def signatures(
        self, *, version: int | None = None, label: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Signature]:
        """Return the served signatures by name (``GET .../metadata``).

        Raises:
            CallError: no answer; a StatusError holds the server's code and text.
            SignatureError: the answer holds no signatures.
        """
        target = self._target(version, label)
        return signatures_from_json(self._document("metadata", target, None, timeout_s))

    def model_status(self, *, version: int | None = None, timeout_s: float | None = None) -> tuple[VersionStatus, ...]:
        """Return the state of every version that the server has seen, highest first, or of one version.

        Raises:
            CallError: no answer; a StatusError NOT_FOUND if the server does not know the model or the version.
        """
        target = Target(model=self.endpoint.model, version=version, label=None)
        document = self._document("status", target, None, timeout_s)
        return self._read("status", target, read_statuses, document)

    def send(self, path: str, body: bytes, *, timeout_s: float | None = None) -> bytes:
        """Post bytes as they are, right or wrong, to a path, e.g. ``/v1/models/digits:predict``.

        Returns:
            The answer's body.

        Raises:
            CallError: no answer; a StatusError holds the server's code and text.
        """
        return self._exchange(self._address + path, body, f"POST {path}", self._target(None, None), timeout_s)

    def _read_outputs(self, body: bytes, target: Target, layout: Layout, timeout_s: float | None) -> Any:
        def attempt() -> Any:
            signatures = self._known_signatures(target, timeout_s)
            return read_outputs(body, pick_signature(signatures, target.signature_name), layout=layout)

        def read(attempt: Callable[[], Any]) -> Any:
            return self._on_current_signatures(target, attempt, timeout_s)

        return self._read("predict", target, read, attempt)

    def _document(self, method: str, target: Target, body: bytes | None, timeout_s: float | None) -> Any:
        answer = self._call(method, target, body, timeout_s)
        return self._read(method, target, loads, answer)

    def _call(self, method: str, target: Target, body: bytes | None, timeout_s: float | None) -> bytes:
        """Send one request and return the answer's body; ``status`` and ``metadata`` requests have no body."""
        url = self._address + self._path(target) + {"status": "", "metadata": "/metadata"}.get(method, f":{method}")
        return self._exchange(url, body, method, target, timeout_s)

    def _exchange(self, url: str, body: bytes | None, method: str, target: Target, timeout_s: float | None) -> bytes:
        self._refuse_if_closed()
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        verb = "GET" if body is None else "POST"
        try:
            answer = self._send(verb, url, body, limit_s)
            content = answer.content
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as exc:
            raise translate_exception(
                exc, method=method, target=target, address=self._address, timeout_s=limit_s
            ) from exc
        if answer.status_code != _OK:
            location = answer.headers.get("Location") if answer.is_redirect else None
            raise translate_answer(
                answer.status_code, content, method=method, target=target, address=self._address, location=location
            )
        return content

    def _send(self, verb: str, url: str, body: bytes | None, limit_s: float) -> requests.Response:
        """Send a request; once more if the server gave up the kept connection just as it left, as HTTP clients do."""
        # A redirect is not followed: it would turn POST into GET, and the answer into one for another request.
        options: dict[str, Any] = {"data": body, "timeout": limit_s, "allow_redirects": False}
        try:
            answer = self._session.request(verb, url, **options)
        except requests.exceptions.ConnectionError as exc:
            if not (self._was_answered and isinstance(innermost_error(exc), RemoteDisconnected | ConnectionResetError)):
                raise
            answer = self._session.request(verb, url, **options)
        self._was_answered = True
        return answer
