"""The process that has TensorFlow: loads a SavedModel with ``tf.saved_model.load`` and makes the calls of a job."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.dtypes import dtype_of_enum
from harness.errors import HarnessError
from harness.protos import predict_pb2
from harness.savedmodel.local_calls import RUNS, LocalJob, answer_path, error_path, read_message
from harness.savedmodel.proto import pick_meta_graph, read_saved_model
from harness.tensors import as_array, fill_proto

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["answer_calls", "main"]

_OWNER_GONE = 70


def main(folder: Path) -> None:
    """Carry out the job of a folder; end as soon as the owner has gone, however it went."""
    threading.Thread(target=_end_with_owner, daemon=True).start()
    try:
        answer_calls(folder)
    except HarnessError as exc:
        sys.exit(str(exc))


def _end_with_owner() -> None:
    while os.read(sys.stdin.fileno(), 1024):  # carries nothing: its end is the owner's
        pass
    os._exit(_OWNER_GONE)


def answer_calls(folder: Path) -> None:
    """Make each call of the job several times and write the answers, or the error, beside it.

    Raises:
        LayoutError: there is no such SavedModel, or none with these tags.
        SystemExit: TensorFlow cannot load it; the message says why.
    """
    job = LocalJob.load(folder)
    path = Path(job.version_dir)
    meta_graph = pick_meta_graph(read_saved_model(path), job.tags, path=path)  # before TensorFlow takes its seconds
    model = _load(job)
    for number in range(job.calls):
        message = read_message(folder, number)
        try:
            signature_name = message.model_spec.signature_name
            inputs = _inputs(message, meta_graph.signature_def[signature_name].defaults)
            for run in range(RUNS):
                outputs = model.signatures[signature_name](**inputs)
                answer_path(folder, number, run).write_bytes(_answer(outputs).SerializeToString())
        except Exception as exc:  # noqa: BLE001 - whatever a model raises is its answer
            error_path(folder, number).write_text(f"{type(exc).__name__}: {exc}", encoding="utf-8")


def _load(job: LocalJob) -> Any:
    import tensorflow as tf

    try:
        return tf.saved_model.load(job.version_dir, tags=list(job.tags))
    except Exception as exc:  # noqa: BLE001 - whatever TensorFlow raises is the reason
        sys.exit(f"tf.saved_model.load cannot load {job.version_dir}: {type(exc).__name__}: {exc}")


def _inputs(message: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tensors of a call by input name, those that it leaves out from the signature's defaults."""
    import tensorflow as tf

    protos = {**{name: defaults[name] for name in defaults}, **{name: message.inputs[name] for name in message.inputs}}
    return {
        name: tf.io.parse_tensor(proto.SerializeToString(), tf.as_dtype(proto.dtype)) for name, proto in protos.items()
    }


def _answer(outputs: Mapping[str, Any]) -> Any:
    message = predict_pb2.PredictResponse()
    for name, tensor in outputs.items():
        row = dtype_of_enum(tensor.dtype.as_datatype_enum)
        fill_proto(message.outputs[name], as_array(tensor.numpy(), row, name=name), row, name=name)
    return message
