"""GetModelMetadata and GetModelStatus: what both edges say about a model (behaviour items 74 to 80)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.protos import get_model_metadata_pb2, get_model_status_pb2
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from harness.standin.core import ServerCore
    from harness.standin.servable import Servable

__all__ = ["get_model_metadata", "get_model_status", "signature_def_map"]

_FIELD = "signature_def"
_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


def signature_def_map(servable: Servable) -> Any:
    """Return all of a servable's signatures as a SignatureDefMap."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in servable.signature_defs.items():
        signatures.signature_def[name].CopyFrom(signature)
    return signatures


def get_model_metadata(core: ServerCore, request: Any) -> Any:
    """Answer a GetModelMetadataRequest.

    Raises:
        StatusError: nothing or an unknown field is asked for, or no such version is ready.
    """
    if not request.HasField("model_spec"):
        raise StatusError("INVALID_ARGUMENT", "Missing ModelSpec")
    if not request.metadata_field:
        text = "GetModelMetadataRequest must specify at least one metadata_field"
        raise StatusError("INVALID_ARGUMENT", text)
    for field in request.metadata_field:
        if field != _FIELD:
            raise StatusError("INVALID_ARGUMENT", f"Metadata field {field} is not supported")
    with core.servable(request.model_spec) as servable:
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = servable.name
        response.model_spec.version.value = servable.version
        response.metadata[_FIELD].Pack(signature_def_map(servable))
        return response


def get_model_status(core: ServerCore, request: Any) -> Any:
    """Answer a GetModelStatusRequest; a version label in it is not looked at (item 79).

    Raises:
        StatusError: the server never had such a model or version.
    """
    if not request.HasField("model_spec"):
        raise StatusError("INVALID_ARGUMENT", "Missing ModelSpec")
    spec = request.model_spec
    version = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
    response = get_model_status_pb2.GetModelStatusResponse()
    for number, state, code, message in core.model_status(spec.name, version):
        entry = response.model_version_status.add(version=number)
        entry.state = get_model_status_pb2.ModelVersionStatus.State.Value(state)
        entry.status.SetInParent()
        entry.status.error_code = _CODES.index(code)
        # A proto text must be UTF-8; the genuine server sends other bytes too, which no Python client can read.
        entry.status.error_message = message.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return response
