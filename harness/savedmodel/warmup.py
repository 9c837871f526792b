"""Warm-up records: requests that a server runs on a new version before it serves it.

They lie in the version directory as ``assets.extra/tf_serving_warmup_requests``, a TFRecord file of PredictionLog
messages (behaviour item 186). One bad record makes the server refuse the whole version (item 187), so what can be
known beforehand is checked when they are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import DecodeError

from harness.errors import ExportError, SavedModelError
from harness.savedmodel.proto import read_saved_model, saved_model_file
from harness.savedmodel.staging import sync_file
from harness.savedmodel.tfrecord import decode_records, encode_records
from harness.tensors import to_proto

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
            messages, or mappings of input name to array for the default signature. Name and version in a request's
            model_spec are ignored by the server.

    Returns:
        The file written.

    Raises:
        ExportError: more than 1000 records, something that is no request, or a signature the model does not have.
    """
    version_dir = Path(version_dir)
    logs = [as_prediction_log(request) for request in requests]
    if len(logs) > WARMUP_LIMIT:
        raise ExportError(
            f"{len(logs)} warm-up requests given, but a server refuses a version with over {WARMUP_LIMIT}"
        )
    _refuse_unknown_signatures(version_dir, logs)
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


def as_prediction_log(request: Any) -> Any:
    """Return a request as the PredictionLog that a warm-up file holds.

    Raises:
        ExportError: it is no request that a server can be warmed up with.
    """
    from harness.protos import predict_pb2, prediction_log_pb2

    if isinstance(request, Mapping):
        inputs = {name: to_proto(np.asarray(value)) for name, value in request.items()}
        request = predict_pb2.PredictRequest(inputs=inputs)
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


def _refuse_unknown_signatures(version_dir: Path, logs: list[Any]) -> None:
    if saved_model_file(version_dir) is None:
        raise ExportError(f"{version_dir} holds no saved_model.pb; give the version directory, e.g. BASE_PATH/1")
    graphs = read_saved_model(version_dir).meta_graphs
    known = {name for graph in graphs for name in graph.signature_def}
    for name in sorted({name for log in logs for name in _signature_names(log)} - known):
        raise ExportError(
            f"a warm-up request asks for signature {name!r}, which the model does not have (a server would refuse the"
            f" version); it has: {', '.join(sorted(known))}"
        )


def _signature_names(log: Any) -> list[str]:
    request = getattr(log, log.WhichOneof("log_type")).request
    specs = [task.model_spec for task in request.tasks] if hasattr(request, "tasks") else [request.model_spec]
    return [spec.signature_name or "serving_default" for spec in specs]
