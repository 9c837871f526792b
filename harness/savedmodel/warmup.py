"""Warm-up records: requests that a server runs on a new version before it serves it.

They lie in the version directory as ``assets.extra/tf_serving_warmup_requests``, a TFRecord file of PredictionLog
messages (behaviour item 186). One bad record makes the server refuse the whole version (item 187), so what can be
known beforehand is checked when they are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from harness.errors import ExportError, SavedModelError
from harness.savedmodel.proto import INTERNAL_PREFIX, read_saved_model, saved_model_file
from harness.savedmodel.staging import sync_file
from harness.savedmodel.tfrecord import decode_records, encode_records
from harness.signatures import DEFAULT_SIGNATURE, Signature, signatures_from_map
from harness.tensors import as_array, to_proto

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["WARMUP_FILE", "WARMUP_LIMIT", "as_prediction_log", "read_warmup", "write_warmup"]

WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
WARMUP_LIMIT = 1000

# The field of PredictionLog for each request message.
_LOG_FIELDS = {
    "tensorflow.serving.PredictRequest": "predict_log",
    "tensorflow.serving.ClassificationRequest": "classify_log",
    "tensorflow.serving.RegressionRequest": "regress_log",
    "tensorflow.serving.MultiInferenceRequest": "multi_inference_log",
}


def write_warmup(version_dir: str | Path, requests: Iterable[Any]) -> Path:
    """Write the warm-up records of a version, in place of those it had.

    Args:
        version_dir: the directory with saved_model.pb.
        requests: PredictRequest, ClassificationRequest, RegressionRequest, MultiInferenceRequest or PredictionLog
            messages, or mappings of input name to value for the default signature, cast to its dtypes. Name and
            version in a request's model_spec are ignored by the server.

    Returns:
        The file written.

    Raises:
        ExportError: more than 1000 records, something that is no request, or a signature the model does not have.
        TensorError: a value that the input's dtype cannot hold.
    """
    version_dir = Path(version_dir)
    signatures = _signatures(version_dir)
    default = signatures.get(DEFAULT_SIGNATURE)
    logs = [as_prediction_log(request, signature=default) for request in requests]
    if len(logs) > WARMUP_LIMIT:
        raise ExportError(
            f"{len(logs)} warm-up requests given, but a server refuses a version with over {WARMUP_LIMIT}"
        )
    _refuse_unknown_signatures(signatures, logs)
    target = version_dir / WARMUP_FILE
    temporary = target.with_name(f".{target.name}.tmp")
    target.parent.mkdir(exist_ok=True)
    try:
        temporary.write_bytes(encode_records(log.SerializeToString() for log in logs))
        sync_file(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def read_warmup(version_dir: str | Path) -> tuple[Any, ...]:
    """Return a version's warm-up records as PredictionLog messages, none if it has no such file.

    Raises:
        SavedModelError: the file is damaged, or no TFRecord file of PredictionLog messages.
    """
    from harness.protos import prediction_log_pb2

    path = Path(version_dir) / WARMUP_FILE
    if not path.exists():
        return ()
    try:
        content = path.read_bytes()
        return tuple(
            prediction_log_pb2.PredictionLog.FromString(record) for record in decode_records(content, source=str(path))
        )
    except OSError as exc:
        raise SavedModelError(f"{path} cannot be read: {exc}") from exc
    except DecodeError as exc:
        raise SavedModelError(f"{path} holds a record that is no PredictionLog message: {exc}") from exc


def as_prediction_log(request: Any, *, signature: Signature | None = None) -> Any:
    """Return a request as the PredictionLog that a warm-up file holds.

    Args:
        request: a message or mapping as ``write_warmup`` takes them.
        signature: gives the dtypes that a mapping's values are cast to; None leaves them as NumPy reads them.

    Raises:
        ExportError: it is no request that a server can be warmed up with.
        TensorError: a value that the input's dtype cannot hold.
    """
    from harness.protos import predict_pb2, prediction_log_pb2

    if isinstance(request, Mapping):
        request = predict_pb2.PredictRequest(inputs=_tensors(request, signature))
    full_name = getattr(getattr(request, "DESCRIPTOR", None), "full_name", type(request).__name__)
    if full_name == "tensorflow.serving.PredictionLog":
        return _supported(request)
    field = _LOG_FIELDS.get(full_name)
    if field is None:
        known = ", ".join(name.rpartition(".")[2] for name in _LOG_FIELDS)
        raise ExportError(f"a warm-up request is one of {known}, or a mapping of input name to array, not {full_name}")
    log = prediction_log_pb2.PredictionLog()
    getattr(log, field).request.CopyFrom(request)
    return log


def _supported(log: Any) -> Any:
    kind = log.WhichOneof("log_type")
    if kind not in _LOG_FIELDS.values():
        raise ExportError(
            f"a server cannot be warmed up with a PredictionLog of kind {kind}; use predict_log or the like"
        )
    return log


def _tensors(inputs: Mapping[str, Any], signature: Signature | None) -> dict[str, Any]:
    dtypes = {} if signature is None else {spec.name: spec.dtype for spec in signature.inputs}
    return {name: to_proto(as_array(value, dtypes.get(name), name=name)) for name, value in inputs.items()}


def _signatures(version_dir: Path) -> dict[str, Signature]:
    if saved_model_file(version_dir) is None:
        raise ExportError(f"{version_dir} holds no saved_model.pb; give the version directory, e.g. BASE_PATH/1")
    definitions = {
        name: definition
        for graph in read_saved_model(version_dir).meta_graphs
        for name, definition in graph.signature_def.items()
        if not name.startswith(INTERNAL_PREFIX)
    }
    return signatures_from_map(definitions)


def _refuse_unknown_signatures(signatures: Mapping[str, Signature], logs: list[Any]) -> None:
    asked_for = {name for log in logs for name in _signature_names(log)}
    for name in sorted(asked_for - set(signatures)):
        raise ExportError(
            f"a warm-up request asks for signature {name!r}, which the model does not have (a server would refuse the"
            f" version); it has: {', '.join(signatures)}"
        )


def _signature_names(log: Any) -> list[str]:
    request = getattr(log, log.WhichOneof("log_type")).request
    specs = [task.model_spec for task in request.tasks] if hasattr(request, "tasks") else [request.model_spec]
    return [spec.signature_name or DEFAULT_SIGNATURE for spec in specs]
