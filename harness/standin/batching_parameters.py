"""BatchingParameters: how requests are batched, read from a text file (behaviour items 177, 179, 184, 185)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.standin.model_config import read_text_proto
from harness.standin.status import StatusError
from harness.standin.text_protos import new_message

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BatchingParameters", "read_batching_parameters", "read_per_model_parameters"]

_PER_MODEL_FILE = "batching_params.pbtxt"
_SIZES = 2**64  # sizes are kept unsigned: a negative one is hardly a limit at all


@dataclass(frozen=True, kw_only=True)
class BatchingParameters:
    """How the requests to a model are batched; the defaults are those of ``--enable_batching`` alone.

    Attributes:
        max_batch_size: rows of the largest request that is taken.
        max_execution_batch_size: rows of the largest batch that is run.
        batch_timeout_s: seconds a batch waits for more rows.
        max_enqueued_batches: batches that may wait to be run, for each set of tensors.
        num_batch_threads: batches run at the same time, for the whole server.
        allowed_batch_sizes: sizes that batches are padded to; empty for no padding.
        pad_variable_length_inputs: whether tensors of different shapes are padded to one.
        split_large: whether a request may be spread over several batches.
    """

    max_batch_size: int = 1000
    max_execution_batch_size: int = 1000
    batch_timeout_s: float = 0.0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    split_large: bool = False

    def check(self) -> None:
        """Refuse what no queue could be made from; the genuine server does so when a version is loaded.

        Raises:
            StatusError: INVALID_ARGUMENT with the genuine text.
        """
        sizes = self.allowed_batch_sizes
        text = ""
        if sizes and sizes[-1] != self.max_batch_size:
            text = (
                "Last entry in allowed_batch_sizes must match max_batch_size; last entry was "
                f"{sizes[-1]}; expected {self.max_batch_size}"
            )
        elif not self.max_batch_size:
            text = f"input_batch_size_limit must be positive; was {self.max_batch_size}"
        elif self.batch_timeout_s < 0:
            text = f"batch_timeout_micros must be non-negative; was {round(self.batch_timeout_s * 1e6)}"
        elif not self.max_enqueued_batches:
            text = "max_enqueued_batches must be positive; was 0"
        elif self.split_large and self.max_batch_size < self.max_execution_batch_size:
            text = (
                "When enable_large_batch_splitting is true, input_batch_size_limit must be greater than or equal to "
                f"max_execution_batch_size.1{self.max_batch_size}{self.max_execution_batch_size}"
            )
        if text:
            raise StatusError("INVALID_ARGUMENT", text)


def read_batching_parameters(path: str) -> BatchingParameters:
    """Read a text proto; an empty path gives the defaults.

    Raises:
        StatusError: the file is missing or no BatchingParameters, or its number of threads is not positive.
    """
    if not path:
        return BatchingParameters()
    parameters = _from_proto(read_text_proto(path, new_message("BatchingParameters")))
    if parameters.num_batch_threads < 1:
        text = f"num_batch_threads must be positive; was {parameters.num_batch_threads}"
        raise StatusError("INVALID_ARGUMENT", text)
    return parameters


def read_per_model_parameters(folder: Path) -> BatchingParameters | None:
    """Read a version's own parameters; None if it has none, and is then not batched.

    Raises:
        StatusError: the file is no BatchingParameters.
    """
    file = folder / _PER_MODEL_FILE
    if not file.exists():
        return None
    return _from_proto(read_text_proto(str(file), new_message("BatchingParameters")))


def _from_proto(proto: Any) -> BatchingParameters:
    default = BatchingParameters()

    def value(field: str, otherwise: Any) -> Any:
        return getattr(proto, field).value if proto.HasField(field) else otherwise

    max_batch_size = value("max_batch_size", default.max_batch_size) % _SIZES
    split = bool(value("enable_large_batch_splitting", False))
    # No queue at all is read as a queue of one batch, unless requests are split.
    max_enqueued_batches = value("max_enqueued_batches", default.max_enqueued_batches) % _SIZES or int(not split)
    return BatchingParameters(
        max_batch_size=max_batch_size,
        max_execution_batch_size=(
            value("max_execution_batch_size", max_batch_size) % _SIZES if split else max_batch_size
        ),
        batch_timeout_s=value("batch_timeout_micros", 0) / 1e6,
        max_enqueued_batches=max_enqueued_batches,
        num_batch_threads=value("num_batch_threads", default.num_batch_threads),
        allowed_batch_sizes=tuple(proto.allowed_batch_sizes),
        pad_variable_length_inputs=proto.pad_variable_length_inputs,
        split_large=split,
    )
