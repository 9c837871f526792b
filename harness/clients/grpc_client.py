"""GrpcClient: TensorFlow Serving's PredictionService and ModelService, in arrays instead of protos."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from harness import model_config
from harness.clients.access import headers_of
from harness.clients.examples import input_proto
from harness.clients.grpc_channel import open_channel
from harness.clients.grpc_errors import refuse_unless_ok, translate
from harness.clients.grpc_messages import (
    answered_by,
    arrays,
    classes,
    fill_spec,
    inference_request,
    inference_results,
    values,
    version_status,
)
from harness.clients.grpc_requests import SERVICE, GrpcRequests
from harness.clients.inputs import Target
from harness.errors import UsageError
from harness.prediction import Classification, Prediction, Regression
from harness.protos import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)
from harness.signatures import DEFAULT_SIGNATURE, Signature, signatures_from_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.endpoint import Endpoint
    from harness.prediction import VersionStatus
    from harness.tls import Tls

__all__ = ["GrpcClient"]


class GrpcClient(GrpcRequests):
    """Calls one served model over gRPC. Safe to share between threads; one channel for all of them.

    Args:
        endpoint: address and model; ``endpoint.grpc`` must be set.
        timeout_s: deadline of each call, in seconds. The server passes it on to the model's run (behaviour item 34).
        tls: PEM files for a secure channel; None for the endpoint's, which may be plain text.
        headers: metadata sent beside the endpoint's with every call, e.g. ``{"authorization": "Bearer ..."}``.
        channel_options: further gRPC channel arguments, e.g. message sizes, else unlimited here (behaviour item 32).

    Raises:
        UsageError: the endpoint has no gRPC address, or a URL for one; a TLS file cannot be read.
    """

    api = "grpc"

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float = 60.0,
        tls: Tls | None = None,
        headers: Mapping[str, str] | None = None,
        channel_options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        """Prepare a channel; it connects at the first call."""
        if endpoint.grpc is None:
            raise UsageError(f"the endpoint of model {endpoint.model!r} has no gRPC address; use RestClient")
        super().__init__(endpoint, timeout_s=timeout_s)
        self._address = endpoint.grpc
        self._metadata = tuple((key.lower(), value) for key, value in headers_of(endpoint, headers))
        self._channel = open_channel(endpoint.grpc, tls or endpoint.tls_over("grpc"), channel_options)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._model = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def close(self) -> None:
        """Close the channel; calls in flight are cancelled, later ones are refused."""
        super().close()

    def _close(self) -> None:
        self._channel.close()

    def predict(
        self,
        inputs: Mapping[str, Any],
        *,
        signature_name: str = DEFAULT_SIGNATURE,
        output_filter: Iterable[str] = (),
        version: int | None = None,
        label: str | None = None,
        timeout_s: float | None = None,
    ) -> Prediction:
        """Run a signature.

        Args:
            inputs: array or nested lists by input name. Arrays are sent in the dtype they have; Python values take
                the signature's dtype, which the client asks for once (and again if a new version changed it).
            signature_name: which signature to run.
            output_filter: names of the outputs to answer; all of them if empty.
            version: version to ask for instead of the endpoint's.
            label: version label to ask for instead of the endpoint's version.
            timeout_s: deadline of this call, in seconds.

        Returns:
            The outputs, with the version that answered.

        Raises:
            CallError: no answer; a StatusError holds the server's code and text.
            TensorError: an input that no tensor can hold.
            UsageError: inputs or output filter of another form.
        """
        target = self._target(version, label, signature_name)

        def attempt() -> Any:
            request = self._predict_request(inputs, target, output_filter, timeout_s)
            return self._call(self._prediction.Predict, request, "predict", target, timeout_s)

        response = self._on_current_signatures(target, attempt, timeout_s)
        outputs = self._read("predict", target, arrays, response.outputs)
        return Prediction(outputs=outputs, **answered_by(response.model_spec, target))

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
        request = self._classify_request(examples, context, target)
        response = self._call(self._prediction.Classify, request, "classify", target, timeout_s)
        return Classification(classes=classes(response.result), **answered_by(response.model_spec, target))

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
        request = self._regress_request(examples, context, target)
        response = self._call(self._prediction.Regress, request, "regress", target, timeout_s)
        return Regression(values=values(response.result), **answered_by(response.model_spec, target))

    def multi_inference(
        self,
        examples: Sequence[Mapping[str, Any]],
        *,
        classify: Sequence[str] = (),
        regress: Sequence[str] = (),
        context: Mapping[str, Any] | None = None,
        version: int | None = None,
        label: str | None = None,
        timeout_s: float | None = None,
    ) -> tuple[Classification | Regression, ...]:
        """Run several classify and regress signatures on the same examples in one request (gRPC only).

        Args:
            examples: features by name.
            classify: signatures to run as Classify.
            regress: signatures to run as Regress.
            context: features common to all examples.
            version: version to ask for instead of the endpoint's.
            label: version label to ask for.
            timeout_s: deadline of this call, in seconds.

        Returns:
            One answer for each signature, those of ``classify`` first, in the order given.

        Raises:
            CallError: no answer; a StatusError holds the server's code and text.
        """
        target = self._target(version, label)
        request = inference_request(input_proto(examples, context), target, classify=classify, regress=regress)
        response = self._call(self._prediction.MultiInference, request, "multi_inference", target, timeout_s)
        return self._read("multi_inference", target, partial(inference_results, target=target), response.results)

    def signatures(
        self, *, version: int | None = None, label: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Signature]:
        """Return the served signatures by name (GetModelMetadata).

        Raises:
            CallError: no answer; a StatusError holds the server's code and text.
            SignatureError: the answer holds no signatures.
        """
        target = self._target(version, label)
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        fill_spec(request.model_spec, target)
        response = self._call(self._prediction.GetModelMetadata, request, "metadata", target, timeout_s)
        return signatures_from_response(response)

    def model_status(self, *, version: int | None = None, timeout_s: float | None = None) -> tuple[VersionStatus, ...]:
        """Return the state of every version that the server has seen, highest first, or of one version.

        Raises:
            CallError: no answer; a StatusError NOT_FOUND if the server does not know the model or the version.
        """
        target = Target(model=self.endpoint.model, version=version, label=None)
        request = get_model_status_pb2.GetModelStatusRequest()
        fill_spec(request.model_spec, target)
        response = self._call(self._model.GetModelStatus, request, "status", target, timeout_s)
        return tuple(version_status(status) for status in response.model_version_status)

    def reload_config(self, models: Iterable[model_config.ModelConfig], *, timeout_s: float | None = None) -> None:
        """Replace the server's model config: models that are not listed are unloaded (gRPC only).

        The server answers once NEW models are available; new versions of known ones load afterwards (behaviour
        item 98).

        Raises:
            CallError: the server refused the config; a StatusError holds its code and text.
        """
        target = Target(model=self.endpoint.model, version=None, label=None)
        request = model_management_pb2.ReloadConfigRequest(config=model_config.to_proto(models))
        response = self._call(self._model.HandleReloadConfigRequest, request, "reload_config", target, timeout_s)
        refuse_unless_ok(response.status, method="reload_config", target=target, address=self._address)

    def send(self, method: str, message: bytes, *, timeout_s: float | None = None) -> bytes:
        """Send bytes as they are, right or wrong, to a method of PredictionService, e.g. ``Predict``.

        Returns:
            The answer, serialised.

        Raises:
            CallError: no answer; a StatusError holds the server's code and text.
        """
        call = self._channel.unary_unary(SERVICE + method, request_serializer=bytes, response_deserializer=bytes)
        return bytes(self._call(call, message, method, self._target(None, None), timeout_s))

    def _call(self, method: Any, request: Any, name: str, target: Target, timeout_s: float | None) -> Any:
        deadline_s = self.timeout_s if timeout_s is None else timeout_s
        try:
            return method(request, timeout=deadline_s, metadata=self._metadata)
        except grpc.RpcError as exc:
            raise translate(exc, method=name, target=target, address=self._address, timeout_s=deadline_s) from exc
        except ValueError:  # grpcio's way to say that the channel is closed
            self._refuse_if_closed()
            raise
