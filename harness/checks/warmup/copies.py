"""Copies: the model twice, once with warm-up records and once without."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.clients.examples import input_proto
from harness.errors import CheckError
from harness.model_config import ModelConfig
from harness.protos import classification_pb2, predict_pb2, regression_pb2
from harness.savedmodel import publish_copy, write_warmup
from harness.savedmodel.warmup import WARMUP_FILE
from harness.tensors import fill_proto

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.checks.request import Request

__all__ = ["Copies", "message_of"]

_MESSAGES = {"classify": classification_pb2.ClassificationRequest, "regress": regression_pb2.RegressionRequest}


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Two base paths.

    Attributes:
        cold: of a copy without warm-up records.
        warm: of a copy with them.
    """

    cold: ModelConfig
    warm: ModelConfig

    @classmethod
    def make(cls, folder: Path, *, name: str, source: Path, requests: Sequence[Request]) -> Copies:
        """Copy a version twice.

        Args:
            folder: where.
            name: the model's name.
            source: the version's directory.
            requests: what to record as warm-up; none to leave the records that the version has.

        Raises:
            CheckError: the copies cannot be written.
            ExportError: the requests cannot be recorded.
        """
        cold, warm = (
            ModelConfig(name=f"{name}_{kind}", base_path=str(folder / f"{name}_{kind}")) for kind in ("cold", "warm")
        )
        try:
            copy = publish_copy(source, folder / warm.name, version=1)
            without = publish_copy(copy, folder / cold.name, version=1)
            (without / WARMUP_FILE).unlink(missing_ok=True)
        except (OSError, shutil.Error) as exc:
            raise CheckError(
                f"{source} cannot be copied to {folder}: {exc}; set TMPDIR to a directory with room for the model"
            ) from exc
        if requests:
            write_warmup(copy, [message_of(request) for request in requests])
        return cls(cold=cold, warm=warm)


def message_of(request: Request) -> Any:
    """Return a request as the message that a warm-up file records.

    Raises:
        TensorError: inputs that no tensor can hold.
    """
    if request.method == "predict":
        message = predict_pb2.PredictRequest()
        for name, array in request.inputs.items():
            fill_proto(message.inputs[name], array, name=name)
    else:
        message = _MESSAGES[request.method](input=input_proto(request.examples, request.context))
    message.model_spec.signature_name = request.signature_name
    return message
