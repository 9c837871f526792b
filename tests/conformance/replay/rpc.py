"""gRPC exchanges: the recorded bytes out, code, details and the reply's bytes back."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import json_format

from harness.protos import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

if TYPE_CHECKING:
    from replay.place import Place

__all__ = ["Caller", "reply_hash", "reply_json"]

_PREDICTION, _MODEL = "/tensorflow.serving.PredictionService/", "/tensorflow.serving.ModelService/"
_METHODS = {
    "Predict": (_PREDICTION, predict_pb2.PredictResponse),
    "Classify": (_PREDICTION, classification_pb2.ClassificationResponse),
    "Regress": (_PREDICTION, regression_pb2.RegressionResponse),
    "MultiInference": (_PREDICTION, inference_pb2.MultiInferenceResponse),
    "GetModelMetadata": (_PREDICTION, get_model_metadata_pb2.GetModelMetadataResponse),
    "GetModelStatus": (_MODEL, get_model_status_pb2.GetModelStatusResponse),
    "HandleReloadConfigRequest": (_MODEL, model_management_pb2.ReloadConfigResponse),
}
_TIMEOUT_S = 30.0


class Caller:
    """The gRPC channels to one server; close after use."""

    def __init__(self, place: Place) -> None:
        """Open nothing yet."""
        self._place = place
        self._plain: grpc.Channel | None = None

    def close(self) -> None:
        """Close the channel kept open."""
        if self._plain is not None:
            self._plain.close()

    def exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request; returns code, details and, if OK, the reply's bytes."""
        special = {"ssl", "socket", "channel_options"} & request.keys()
        if special:
            with self._special(request) as channel:
                return self._call(channel, request)
        if self._plain is None:
            self._plain = grpc.insecure_channel(f"127.0.0.1:{self._place.grpc_port}")
        return self._call(self._plain, request)

    def _special(self, request: dict[str, Any]) -> grpc.Channel:
        options = request.get("channel_options") or {}
        pairs = list(options.items()) if isinstance(options, dict) else [tuple(pair) for pair in options]
        target = f"localhost:{self._place.grpc_port}"
        if "socket" in request:
            target = f"unix:{self._place.fill(request['socket'])}"
        if "ssl" not in request:
            return grpc.insecure_channel(target, options=pairs)
        pem = {key: self._place.fill(text).encode() for key, text in request["ssl"].items()}
        credentials = grpc.ssl_channel_credentials(pem.get("root"), pem.get("key"), pem.get("cert"))
        return grpc.secure_channel(target, credentials, options=pairs)

    def _call(self, channel: grpc.Channel, request: dict[str, Any]) -> dict[str, Any]:
        name = request["method"]
        path = name if name.startswith("/") else _METHODS[name][0] + name
        call = channel.unary_unary(path)
        try:
            reply = call(self._bytes(request), timeout=request.get("timeout", _TIMEOUT_S))
        except grpc.RpcError as error:
            return {"code": error.code().name, "details": error.details() or "", "bytes": None}
        return {"code": "OK", "details": "", "bytes": reply}

    def _bytes(self, request: dict[str, Any]) -> bytes:
        if "config" not in request:
            return base64.b64decode(request["bytes"])
        message = model_management_pb2.ReloadConfigRequest()
        json_format.ParseDict(self._place.fill(request["config"]), message)
        return bytes(message.SerializeToString())


def _message(method: str, data: bytes) -> Any:
    return _METHODS[method][1].FromString(data)


def reply_json(method: str, data: bytes) -> Any:
    """A reply as proto-JSON, with the field names of the protos."""
    return json_format.MessageToDict(_message(method, data), preserving_proto_field_name=True)


def reply_hash(method: str, data: bytes) -> str:
    """SHA-256 of a reply's deterministic serialisation, in hexadecimal."""
    return hashlib.sha256(_message(method, data).SerializeToString(deterministic=True)).hexdigest()
