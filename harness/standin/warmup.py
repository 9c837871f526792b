"""Warm-up: a version's recorded requests are replayed before it is served (behaviour items 186 to 188).

They lie in ``assets.extra/tf_serving_warmup_requests``, a TFRecord file of PredictionLog protos. Any that fails,
fails the load.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from harness.protos import prediction_log_pb2
from harness.standin import log
from harness.standin.classify import run_classify
from harness.standin.multi_inference import run_tasks
from harness.standin.predict import run_predict
from harness.standin.regress import run_regress
from harness.standin.status import StatusError
from harness.standin.tfrecord import records

if TYPE_CHECKING:
    from harness.standin.predict import Runtime
    from harness.standin.servable import Servable

__all__ = ["WarmUp"]

_SOURCE = "warmup.py"
_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
_MAX_RECORDS = 1000
_RUNS = {
    "predict_log": run_predict,
    "classify_log": run_classify,
    "regress_log": run_regress,
    "multi_inference_log": run_tasks,
}


@dataclass(frozen=True)
class WarmUp:
    """Replays warm-up requests.

    Attributes:
        runtime: the options the requests are run with, and the metrics they are counted in.
        iterations: how often each is replayed.
    """

    runtime: Runtime
    iterations: int = 1

    def __call__(self, servable: Servable) -> None:
        """Warm a loaded version up.

        Raises:
            StatusError: the file cannot be read, or a request in it fails.
        """
        file = Path(servable.path) / _FILE
        if not file.exists():
            log.info(_SOURCE, f"No warmup data file found at {file}")
            return
        log.info(_SOURCE, f"Starting to read warmup data for model at {file}")
        begin = time.perf_counter()
        number = self._replay_all(servable, file, begin)
        seconds = time.perf_counter() - begin
        self.runtime.metrics.observe_warm_up(servable.path, "OK", seconds)
        text = (
            f"Finished reading warmup data for model at {file}. Number of warmup records read: {number}. "
            f"Elapsed time (microseconds): {round(seconds * 1e6)}."
        )
        log.info(_SOURCE, text)

    def _replay_all(self, servable: Servable, file: Path, begin: float) -> int:
        number = 0
        reader = records(file.read_bytes())
        while True:
            try:
                record = next(reader, None)
            except StatusError as error:
                self.runtime.metrics.observe_warm_up(servable.path, str(error), time.perf_counter() - begin)
                text = f"{error.message}. Please verify your warmup data is in TFRecord format."
                raise StatusError(error.code, text) from None
            if record is None:
                return number
            self._replay(servable, file, record)
            self.runtime.metrics.count_warm_up_record(servable.path)
            number += 1
            if number > _MAX_RECORDS:
                text = f"Number of warmup records exceeds the maximum ({_MAX_RECORDS}) at {file}"
                raise StatusError("INVALID_ARGUMENT", text)

    def _replay(self, servable: Servable, file: Path, record: bytes) -> None:
        try:
            logged = prediction_log_pb2.PredictionLog.FromString(record)
        except DecodeError:
            shown = record.decode("utf-8", "surrogateescape")
            raise StatusError("INVALID_ARGUMENT", f"Failed to parse warmup record: {shown} from {file}") from None
        kind = logged.WhichOneof("log_type")
        if kind is None:
            return
        if kind not in _RUNS:
            field: Any = logged.DESCRIPTOR.fields_by_name[kind]
            raise StatusError("UNIMPLEMENTED", f"Unsupported log_type for warmup: {field.number}")
        for _ in range(self.iterations):
            _RUNS[kind](self.runtime, servable, getattr(logged, kind).request, None)
