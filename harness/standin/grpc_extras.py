"""What the gRPC port offers besides TensorFlow Serving's own services: health, reflection, TLS.

The health service knows the names ``PredictionService``, ``ModelService`` and the empty one, says SERVING from the
start and never anything else (behaviour item 31). Server reflection is always there (item 30).
"""

from __future__ import annotations

from typing import Any

import grpc

from harness.protos import model_service_pb2_grpc, prediction_service_pb2_grpc
from harness.standin.model_config import read_text_proto
from harness.standin.text_protos import new_message

__all__ = ["add_health", "add_reflection", "server_credentials"]

_SERVING_NAMES = ("", "ModelService", "PredictionService")
_API_NAMES = ("tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")
_HEALTH = "grpc.health.v1.Health"


def add_health(server: grpc.Server) -> None:
    """Offer ``grpc.health.v1.Health``."""
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_health.v1.health import HealthServicer

    class Health(HealthServicer):
        """The stock service, with the text the C++ one has for a name it does not know."""

        def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the method's name
            if request.service not in _SERVING_NAMES:
                context.abort(grpc.StatusCode.NOT_FOUND, "service name unknown")
            return super().Check(request, context)

    servicer = Health()
    for name in _SERVING_NAMES:
        servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)


def add_reflection(server: grpc.Server, *, health: bool) -> None:
    """Offer server reflection for the services of this port."""
    from grpc_reflection.v1alpha import reflection

    # Importing the stubs registers the services' descriptors, which reflection answers from.
    assert prediction_service_pb2_grpc  # noqa: S101 - keeps the import
    assert model_service_pb2_grpc  # noqa: S101 - keeps the import
    names = [*_API_NAMES, *([_HEALTH] if health else []), reflection.SERVICE_NAME]
    reflection.enable_server_reflection(names, server)


def server_credentials(path: str) -> grpc.ServerCredentials:
    """Read an SSLConfig text proto; it holds PEM texts, not paths (behaviour item 189).

    Raises:
        StatusError: the file is missing or no SSLConfig.
    """
    config = read_text_proto(path, new_message("SSLConfig"))
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )
