"""GrpcRequests: what a gRPC client sends, as messages and as the bytes that load generators send in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.clients.client import BaseClient
from harness.clients.examples import input_proto
from harness.clients.grpc_messages import fill_spec
from harness.clients.inputs import Target, to_arrays
from harness.errors import UsageError
from harness.protos import classification_pb2, predict_pb2, regression_pb2
from harness.signatures import DEFAULT_SIGNATURE
from harness.tensors import fill_proto

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["SERVICE", "GrpcRequests"]

SERVICE = "/tensorflow.serving.PredictionService/"


class GrpcRequests(BaseClient):
    """The half of a gRPC client that makes requests and sends none."""

    @staticmethod
    def method_path(method: str, *, version: int | None = None, label: str | None = None) -> str:  # noqa: ARG004 - alike
        """Return the full name of the gRPC method, e.g. ``/tensorflow.serving.PredictionService/Classify``.

        Version and label stand in the message; they are taken here since ``RestClient`` needs them.
        """
        return SERVICE + method.capitalize()

    def encode_predict(
        self,
        inputs: Mapping[str, Any],
        *,
        signature_name: str = DEFAULT_SIGNATURE,
        output_filter: Iterable[str] = (),
        version: int | None = None,
        label: str | None = None,
    ) -> bytes:
        """Return the serialised PredictRequest that ``predict`` would send, for load generators."""
        target = self._target(version, label, signature_name)
        return bytes(self._predict_request(inputs, target, output_filter, None).SerializeToString())

    def encode_classify(
        self,
        examples: Sequence[Mapping[str, Any]],
        *,
        context: Mapping[str, Any] | None = None,
        signature_name: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        label: str | None = None,
    ) -> bytes:
        """Return the serialised ClassificationRequest that ``classify`` would send, for load generators.

        Raises:
            TensorError: a feature that a tf.Example cannot hold.
        """
        target = self._target(version, label, signature_name)
        return bytes(self._classify_request(examples, context, target).SerializeToString())

    def encode_regress(
        self,
        examples: Sequence[Mapping[str, Any]],
        *,
        context: Mapping[str, Any] | None = None,
        signature_name: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        label: str | None = None,
    ) -> bytes:
        """Return the serialised RegressionRequest that ``regress`` would send, for load generators.

        Raises:
            TensorError: a feature that a tf.Example cannot hold.
        """
        target = self._target(version, label, signature_name)
        return bytes(self._regress_request(examples, context, target).SerializeToString())

    def _predict_request(
        self, inputs: Mapping[str, Any], target: Target, output_filter: Iterable[str], timeout_s: float | None
    ) -> Any:
        if isinstance(output_filter, str):
            raise UsageError(f"output_filter takes several names: give [{output_filter!r}]")
        request = predict_pb2.PredictRequest()
        fill_spec(request.model_spec, target)
        given = to_arrays(inputs, lambda: self._known_signatures(target, timeout_s).get(target.signature_name))
        for name, array in given.items():
            fill_proto(request.inputs[name], array, name=name)
        if output_filter:
            request.output_filter.extend(output_filter)
        return request

    def _classify_request(
        self, examples: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None, target: Target
    ) -> Any:
        request = classification_pb2.ClassificationRequest(input=input_proto(examples, context))
        fill_spec(request.model_spec, target)
        return request

    def _regress_request(
        self, examples: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None, target: Target
    ) -> Any:
        request = regression_pb2.RegressionRequest(input=input_proto(examples, context))
        fill_spec(request.model_spec, target)
        return request
