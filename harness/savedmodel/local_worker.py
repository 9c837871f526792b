"""The process that has TensorFlow: loads a SavedModel with it and makes the calls of a job."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.dtypes import dtype_of_enum
from harness.errors import HarnessError, SavedModelError
from harness.protos import predict_pb2
from harness.savedmodel.local_calls import (
    LOADERS,
    LocalJob,
    answer_path,
    error_path,
    read_message,
    write_loader,
    write_reason,
)
from harness.savedmodel.proto import pick_meta_graph, read_saved_model
from harness.tensors import as_array, fill_proto, from_proto

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    # The signature's name and TensorProtos by input name -> arrays by output name.
    Run = Callable[[str, Mapping[str, Any]], Mapping[str, np.ndarray]]

__all__ = ["answer_calls", "main"]

_NOT_DONE = 1
_OWNER_GONE = 70


def main(folder: Path) -> None:
    """Carry out the job of a folder; end as soon as the owner has gone, however it went."""
    threading.Thread(target=_end_with_owner, args=(folder,), daemon=True).start()
    try:
        answer_calls(folder)
    except HarnessError as exc:
        write_reason(folder, str(exc))
        sys.exit(_NOT_DONE)


def _end_with_owner(folder: Path) -> None:
    while os.read(sys.stdin.fileno(), 1024):  # carries nothing: its end is the owner's
        pass
    shutil.rmtree(folder, ignore_errors=True)  # the owner would have done it
    os._exit(_OWNER_GONE)


def answer_calls(folder: Path) -> None:
    """Make each call of the job several times and write the answers, or the error, beside it.

    Raises:
        LayoutError: there is no such SavedModel, or none with these tags.
        SavedModelError: TensorFlow cannot load it.
    """
    job = LocalJob.load(folder)
    path = Path(job.version_dir)
    meta_graph = pick_meta_graph(read_saved_model(path), job.tags, path=path)  # before TensorFlow takes its seconds
    run = _load(folder, job, meta_graph.signature_def)
    for number, runs in enumerate(job.runs):
        message = read_message(folder, number)
        name = message.model_spec.signature_name
        try:
            signature = _signature(meta_graph, name)
            inputs = {**signature.defaults, **message.inputs}
            for number_of_run in range(runs):
                answer = _message(run(name, inputs), signature)
                answer_path(folder, number, number_of_run).write_bytes(answer.SerializeToString())
        except Exception as exc:  # noqa: BLE001 - whatever a model raises is its answer
            error_path(folder, number).write_text(f"{type(exc).__name__}: {exc}", encoding="utf-8")


def _signature(meta_graph: Any, name: str) -> Any:
    if name not in meta_graph.signature_def:
        raise SavedModelError(f"the SavedModel has no signature {name!r}")
    return meta_graph.signature_def[name]


def _load(folder: Path, job: LocalJob, signatures: Mapping[str, Any]) -> Run:
    """Return what runs the model: loaded as Python loads it, or, where that fails, as a server does.

    ``tf.saved_model.load`` puts together all objects of an export. A model that Keras 2 saved with its optimizer cannot
    be put together without Keras 2, though its signatures need no optimizer.
    """
    reasons = []
    for name, load in zip(LOADERS, (_as_objects, _in_session), strict=True):
        try:
            run = load(job, signatures)
        except Exception as exc:  # noqa: BLE001 - whatever TensorFlow raises is the reason
            reasons.append(f"{name} cannot load it here: {type(exc).__name__}: {exc}")
        else:
            write_loader(folder, name)
            return run
    raise SavedModelError("; ".join(reasons))


def _as_objects(job: LocalJob, _signatures: Mapping[str, Any]) -> Run:
    import tensorflow as tf

    model = tf.saved_model.load(job.version_dir, tags=list(job.tags))

    def run(name: str, protos: Mapping[str, Any]) -> dict[str, np.ndarray]:
        tensors = {
            key: tf.io.parse_tensor(proto.SerializeToString(), tf.as_dtype(proto.dtype))
            for key, proto in protos.items()
        }
        return {key: tensor.numpy() for key, tensor in model.signatures[name](**tensors).items()}

    return run


def _in_session(job: LocalJob, signatures: Mapping[str, Any]) -> Run:
    import tensorflow as tf

    v1 = tf.compat.v1
    session = v1.Session(graph=tf.Graph())
    v1.saved_model.load(session, list(job.tags), job.version_dir)

    def run(name: str, protos: Mapping[str, Any]) -> dict[str, np.ndarray]:
        signature = signatures[name]
        feeds = {signature.inputs[key].name: from_proto(proto, name=key) for key, proto in protos.items()}
        fetches = {key: info.name for key, info in signature.outputs.items()}
        found: dict[str, np.ndarray] = session.run(fetches, feeds)
        return found

    return run


def _message(outputs: Mapping[str, Any], signature: Any) -> Any:
    """Return the answer as a server would give it, in the dtypes of the signature."""
    message = predict_pb2.PredictResponse()
    for name, array in outputs.items():
        row = dtype_of_enum(signature.outputs[name].dtype)
        fill_proto(message.outputs[name], as_array(array, row, name=name), row, name=name)
    return message
