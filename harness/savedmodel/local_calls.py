"""Calls of a SavedModel's signatures and their answers, as files between this process and one that has TensorFlow.

Tensors travel as the messages that clients and servers exchange, so every dtype a request can hold can travel.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.protos import predict_pb2
from harness.tensors import fill_proto, from_proto

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

__all__ = [
    "LOADERS",
    "LocalAnswer",
    "LocalCall",
    "LocalJob",
    "answer_path",
    "error_path",
    "read_answer",
    "read_message",
    "read_reason",
    "write_loader",
    "write_reason",
]

LOADERS = ("tf.saved_model.load", "tf.compat.v1.saved_model.load")  # in the order in which they are tried


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalCall:
    """One call of one signature.

    Attributes:
        signature_name: which.
        inputs: array by input name; an input with a default may be missing.
        runs: how often; two answers to the same question tell whether the model is deterministic.
    """

    signature_name: str
    inputs: Mapping[str, np.ndarray]
    runs: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalAnswer:
    """What a call brought.

    Attributes:
        runs: of each run, array by output name; empty if a run failed.
        error: why a run failed, empty if none did.
        loader: which of ``LOADERS`` could load the model.
    """

    runs: tuple[Mapping[str, np.ndarray], ...] = field(default=())
    error: str = ""
    loader: str = LOADERS[0]


@dataclass(frozen=True, kw_only=True)
class LocalJob:
    """What to load and how many calls to make; the calls themselves are files beside it.

    Attributes:
        version_dir: absolute path of the directory with saved_model.pb.
        tags: the tags of the graph to load.
        runs: of each call, how often it is made.
    """

    version_dir: str
    tags: tuple[str, ...]
    runs: tuple[int, ...]

    def save(self, folder: Path, calls: Sequence[LocalCall]) -> None:
        """Write the job and its calls.

        Raises:
            TensorError: an array that no tensor can hold.
        """
        for number, call in enumerate(calls):
            message = predict_pb2.PredictRequest()
            message.model_spec.signature_name = call.signature_name
            for name, array in call.inputs.items():
                fill_proto(message.inputs[name], array, name=name)
            _call_path(folder, number).write_bytes(message.SerializeToString())
        document = {"version_dir": self.version_dir, "tags": list(self.tags), "runs": list(self.runs)}
        (folder / "job.json").write_text(json.dumps(document), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> LocalJob:
        """Read a job."""
        document = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        return cls(version_dir=document["version_dir"], tags=tuple(document["tags"]), runs=tuple(document["runs"]))


def read_message(folder: Path, number: int) -> Any:
    """Return the PredictRequest of a call."""
    return predict_pb2.PredictRequest.FromString(_call_path(folder, number).read_bytes())


def _call_path(folder: Path, number: int) -> Path:
    return folder / f"call_{number}.pb"


def answer_path(folder: Path, number: int, run: int) -> Path:
    """Return where the answer of a call's run is, a PredictResponse."""
    return folder / f"answer_{number}_{run}.pb"


def error_path(folder: Path, number: int) -> Path:
    """Return where the error of a call is, as text, if it had one."""
    return folder / f"error_{number}.txt"


def write_reason(folder: Path, reason: str) -> None:
    """Leave word why the whole job cannot be done."""
    (folder / "reason.txt").write_text(reason, encoding="utf-8")


def read_reason(folder: Path) -> str:
    """Return why the whole job could not be done; empty if nothing is known."""
    path = folder / "reason.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def write_loader(folder: Path, loader: str) -> None:
    """Leave word which loader could load the model."""
    (folder / "loader.txt").write_text(loader, encoding="utf-8")


def read_answer(folder: Path, number: int, *, runs: int) -> LocalAnswer:
    """Return what a call of so many runs brought.

    Raises:
        TensorError: an output that no array can hold.
    """
    loader = (folder / "loader.txt").read_text(encoding="utf-8")
    error = error_path(folder, number)
    if error.exists():
        return LocalAnswer(error=error.read_text(encoding="utf-8"), loader=loader)
    return LocalAnswer(runs=tuple(_outputs(answer_path(folder, number, run)) for run in range(runs)), loader=loader)


def _outputs(path: Path) -> dict[str, np.ndarray]:
    message = predict_pb2.PredictResponse.FromString(path.read_bytes())
    return {name: from_proto(tensor, name=name) for name, tensor in message.outputs.items()}
