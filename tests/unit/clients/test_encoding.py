"""What is encoded for load generators is what the clients themselves would send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import Endpoint, GrpcClient, RestClient

if TYPE_CHECKING:
    from collections.abc import Callable

_EXAMPLES = [{"x": [1.5], "name": b"\xff\x00"}, {"x": [2.0], "n": [1, 2]}]
_ARGUMENTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "predict": ({"x": np.ones((2, 3), np.float32)}, {}),
    "classify": (_EXAMPLES, {"context": {"c": "all"}}),
    "regress": (_EXAMPLES, {}),
}


class _SentError(Exception):
    """Ends a call once its request is known."""


def _sent(client: Any, monkeypatch: pytest.MonkeyPatch, call: Callable[[], object]) -> bytes:
    """Return the bytes that a call would send."""

    def over_grpc(_method: Any, request: Any, *_: Any) -> None:
        raise _SentError(request.SerializeToString(deterministic=True))

    def over_rest(_method: str, _target: Any, body: bytes, _timeout_s: Any) -> None:
        raise _SentError(body)

    monkeypatch.setattr(client, "_call", over_grpc if client.api == "grpc" else over_rest)
    with pytest.raises(_SentError) as sent:
        call()
    (body,) = sent.value.args
    assert isinstance(body, bytes)
    return body


@pytest.mark.parametrize("kind", [GrpcClient, RestClient])
@pytest.mark.parametrize("method", _ARGUMENTS)
@pytest.mark.parametrize("version", [None, 3])
def test_what_is_encoded_is_what_is_sent(
    kind: Any, method: str, version: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each method and client, with context, signature and version: the same message, or the same body."""
    given, more = _ARGUMENTS[method]
    with kind(Endpoint(grpc="127.0.0.1:1", rest="http://127.0.0.1:1", model="m")) as client:
        where = {"signature_name": "other", "version": version, **more}
        encoded = getattr(client, f"encode_{method}")(given, **where)
        sent = _sent(client, monkeypatch, lambda: getattr(client, method)(given, **where))
    if kind is GrpcClient:  # the order of a message's maps is not fixed
        from harness.protos import classification_pb2, predict_pb2, regression_pb2

        kinds = {
            "predict": predict_pb2.PredictRequest,
            "classify": classification_pb2.ClassificationRequest,
            "regress": regression_pb2.RegressionRequest,
        }
        assert kinds[method].FromString(encoded).SerializeToString(deterministic=True) == sent
    else:
        assert encoded == sent


def test_method_paths_say_where_each_request_goes() -> None:
    """Over gRPC the method's full name; over REST a path with model and version or label, below the endpoint's URL."""
    with GrpcClient(Endpoint(grpc="127.0.0.1:1", rest=None, model="m", version=3)) as grpc:
        assert grpc.method_path("classify") == "/tensorflow.serving.PredictionService/Classify"
    with RestClient(Endpoint(grpc=None, rest="http://h:1/gateway", model="a/b", version=3)) as rest:
        assert rest.method_path("regress") == "/v1/models/a%2Fb/versions/3:regress"
        assert rest.method_path("predict", label="stable one") == "/v1/models/a%2Fb/labels/stable%20one:predict"
        assert rest.predict_url() == "http://h:1/gateway/v1/models/a%2Fb/versions/3:predict"
