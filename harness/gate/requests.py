"""What a gate sends: the same requests to both sides, from the best source there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.opening import open_subject
from harness.checks.subject import CheckOptions
from harness.errors import UsageError
from harness.load import EncodedRequest
from harness.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    from harness.clients import GrpcClient, RestClient
    from harness.gate.run import GateOptions
    from harness.servers import Server

__all__ = ["requests_for"]

_GRPC_PREDICT = "/tensorflow.serving.PredictionService/Predict"


def requests_for(
    server: Server,
    model: str,
    options: GateOptions,
    *,
    grpc: GrpcClient | None,
    rest: RestClient | None,
    tags: tuple[str, ...] = ("serve",),
) -> tuple[EncodedRequest, ...]:
    """Return the encoded requests for one API.

    Raises:
        UsageError: no request is known for the signature, or the API is not there.
    """
    client = grpc if options.api == "grpc" else rest
    if client is None:
        raise UsageError(f"the server has no {options.api} address")
    given = CheckOptions(examples=options.examples, goldens=options.goldens, seed=options.seed)
    subject = open_subject(server, model, grpc=grpc, rest=rest, tags=tags, options=given)
    wanted = options.signature or DEFAULT_SIGNATURE
    asked = [each for each in subject.requests if each.signature_name == wanted and each.method == "predict"]
    if not asked:
        raise UsageError(f"no request is known for signature {wanted!r}; give some with --examples")
    bodies = [client.encode_predict(each.inputs, signature_name=wanted) for each in asked]
    path = _GRPC_PREDICT if options.api == "grpc" else f"/v1/models/{model}:predict"
    return tuple(EncodedRequest(body=body, method=path) for body in bodies)
