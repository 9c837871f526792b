"""TimedClient: a client that tells a clock how long each step of a call took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from harness.checks.request import Request
from harness.clients import GrpcClient
from harness.errors import TensorError
from harness.measure.answers import read_answer
from harness.measure.pool import encode_request
from harness.signatures import DEFAULT_SIGNATURE, pick_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.checks.request import Method
    from harness.clients import RestClient
    from harness.load import EncodedRequest
    from harness.prediction import Classification, Prediction, Regression
    from harness.results.measured import Api
    from harness.signatures import Signature
    from harness.stages import StageClock

__all__ = ["ENCODE", "READ", "TRIP", "TimedClient", "send_encoded"]

ENCODE, TRIP, READ = "encode request", "send to reply", "read answer"


class TimedClient:
    """A client whose calls of ``predict`` go in three stages: from arrays to bytes, to the server, and to arrays.

    It takes the steps of the client it is made of, one by one. Whatever else is asked of it, that client does, and
    no stage is counted.

    Attributes:
        calls: how many were made.
        request_bytes: size of all their bodies.
        response_bytes: size of all answers' bodies.
    """

    def __init__(self, client: GrpcClient | RestClient, clock: StageClock) -> None:
        """Count to a clock, through a client."""
        self._client = client
        self._clock = clock
        self._signatures: Mapping[str, Signature] = {}
        self.calls = self.request_bytes = self.response_bytes = 0

    def __getattr__(self, name: str) -> Any:
        """Return what the client itself has."""
        return getattr(self._client, name)

    def learn_signatures(self) -> None:
        """Ask for the signatures, unless they are known; without this the first call does, in no stage.

        Raises:
            CallError: no answer.
            SignatureError: the answer holds no signatures.
        """
        self._signatures = self._signatures or self._client.signatures()

    def predict(
        self, inputs: Mapping[str, Any], *, signature_name: str = DEFAULT_SIGNATURE, timeout_s: float | None = None
    ) -> Prediction:
        """Run a signature, as the client's ``predict`` does, on the version that the endpoint names.

        Raises:
            CallError: no answer.
            TensorError: an input that no tensor can hold, or an answer that cannot be read.
        """
        request = Request(signature_name=signature_name, inputs=inputs)
        return cast("Prediction", self.call(request, timeout_s=timeout_s))

    def call(self, request: Request, *, timeout_s: float | None = None) -> Prediction | Classification | Regression:
        """Ask, by the method that the request is for.

        Raises:
            CallError: no answer.
            TensorError: an input that no tensor can hold, or an answer that cannot be read.
        """
        self.learn_signatures()
        signature = pick_signature(self._signatures, request.signature_name)
        with self._clock(ENCODE):
            encoded = encode_request(self._client, request)
        with self._clock(TRIP):
            body = send_encoded(self._client, encoded, request.method, timeout_s=timeout_s)
        self.calls += 1
        self.request_bytes += len(encoded.body)
        self.response_bytes += len(body)
        with self._clock(READ):
            return self._read(body, request, signature)

    def _read(self, body: bytes, request: Request, signature: Signature) -> Prediction | Classification | Regression:
        api: Api = "grpc" if isinstance(self._client, GrpcClient) else "rest"
        model = self._client.endpoint.model
        try:
            return read_answer(body, api=api, method=request.method, signature=signature, model=model)
        except TensorError:
            self._signatures = {}  # a new version may have other ones
            raise


def send_encoded(
    client: GrpcClient | RestClient, encoded: EncodedRequest, method: Method, *, timeout_s: float | None = None
) -> bytes:
    """Send an encoded request through a client and return the answer's bytes.

    Raises:
        CallError: the server gave no answer.
    """
    if isinstance(client, GrpcClient):
        return client.send(method.capitalize(), encoded.body, timeout_s=timeout_s)
    return client.send(encoded.method, encoded.body, timeout_s=timeout_s)
