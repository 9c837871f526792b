"""Logs of production traffic: TFRecord files of PredictionLog messages, as TensorFlow Serving's request logging has.

A log knows seconds only (``LogMetadata.timestamp_secs``): the requests of one second are spread evenly over it.
"""

from __future__ import annotations

import mmap
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from harness.checks.request import answer_arrays
from harness.checks.warmup_requests import requests_of_logs
from harness.clients.grpc_messages import arrays, classes, inference_results, values
from harness.clients.inputs import Target
from harness.errors import SavedModelError, TensorError, UsageError
from harness.measure.material import Material, Recorded
from harness.prediction import Classification, Prediction, Regression
from harness.report.text import plural
from harness.savedmodel.tfrecord import decode_records

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    import numpy as np

__all__ = ["MOST_BYTES", "MOST_REQUESTS", "read_traffic"]

MOST_REQUESTS = 100_000
MOST_BYTES = 512 * 2**20
_GZIP = 31  # zlib's wbits for a gzip stream


def read_traffic(
    paths: Sequence[str | Path],
    *,
    model: str,
    signatures: Container[str],
    most: int = MOST_REQUESTS,
    most_bytes: int = MOST_BYTES,
) -> Material:
    """Return the requests of log files, with the answers and the times that were logged.

    Args:
        paths: files; one that ends in ``.gz`` is unpacked. A last record that is not whole is left out.
        model: only records of this model; those that name none count as its own.
        signatures: only records of these signatures.
        most: read no more requests than that.
        most_bytes: nor more records than of so many bytes together: they are all held in memory.

    Returns:
        The requests in the order of their times, or in that of the files if not all have a time. Notes tell what was
        left out, and what a replay should know.

    Raises:
        UsageError: no files, one that cannot be read or is no such log, or none with a request of this model.
    """
    if not paths:
        raise UsageError("no log file is given; give TFRecord files of PredictionLog messages")
    files = [Path(path) for path in paths]
    reading = _Reading(model, signatures)
    for record, path in _records(files, reading.notes):
        if len(reading.asked) >= most or reading.size_bytes + len(record) > most_bytes:
            about = f"{len(reading.asked):,} requests, {reading.size_bytes:,} bytes"
            reading.notes.append(f"only the beginning of the log is used: {about}")
            break
        reading.add(record, path)
    source = f"logged in {', '.join(path.name for path in files)}"
    if not reading.asked:
        raise UsageError(
            f"no request of model {model!r} is {source}: {'; '.join(reading.all_notes) or 'it holds no record'}"
        )
    asked, about_times = _timed(reading.asked)
    return Material(asked=tuple(asked), source=source, notes=(*reading.all_notes, *about_times))


class _Reading:
    """What has been read so far, and what was left out."""

    def __init__(self, model: str, signatures: Container[str]) -> None:
        self._model, self._signatures = model, signatures
        self._left_out: Counter[str] = Counter()
        self._records = self._filtered = 0
        self.size_bytes = 0
        self._rates: set[float] = set()
        self.asked: list[Recorded] = []
        self.notes: list[str] = []

    def add(self, record: bytes, path: Path) -> None:
        """Take the requests of a record that are for this model."""
        from harness.protos import prediction_log_pb2

        try:
            log = prediction_log_pb2.PredictionLog.FromString(record)
        except DecodeError as exc:
            raise UsageError(f"{path} holds a record that is no PredictionLog message: {exc}") from exc
        self._records += 1
        self.size_bytes += len(record)
        name = _model_of(log)
        if name not in {"", self._model}:
            self._left_out[f"of model {name!r}"] += 1
            return
        requests, faults = requests_of_logs([log], source=f"logged in {path.name}")
        self._left_out.update(faults)
        answers = _answers(log, len(requests)) if requests else []
        self._filtered += log.WhichOneof("log_type") == "predict_log" and bool(log.predict_log.request.output_filter)
        self._rates.add(log.log_metadata.sampling_config.sampling_rate)
        at_s = float(log.log_metadata.timestamp_secs) or None
        for request, answer in zip(requests, answers, strict=True):
            if request.signature_name in self._signatures:
                self.asked.append(Recorded(request=request, answer=answer, at_s=at_s))
            else:
                self._left_out[f"for signature {request.signature_name!r}, which the model does not have"] += 1

    @property
    def all_notes(self) -> list[str]:
        """What was left out, and what a reader should know."""
        total = plural(self._records, "record")
        found = [f"{n} of {total} in the log left out: {why}" for why, n in self._left_out.most_common()]
        if self._filtered:
            found.append(f"{plural(self._filtered, 'record')} asked for some outputs only; here all are asked for")
        rates = sorted(rate for rate in self._rates if 0 < rate < 1)
        if rates:
            found.append(f"the log is a sample of {rates[0]:.2%} of the traffic: x{1 / rates[0]:g} would be all of it")
        return [*self.notes, *found]


def _records(paths: Iterable[Path], notes: list[str]) -> Iterator[tuple[bytes, Path]]:
    """Yield each record with its file; a last one that is not whole is noted."""

    def note(text: str) -> None:
        notes.append(f"{text}; it is left out")

    for path in paths:
        try:
            with _content(path) as content:
                for record in decode_records(content, source=str(path), on_torn=note):
                    yield record, path
        except OSError as exc:
            raise UsageError(f"the log {path} cannot be read: {exc.strerror or exc}") from exc
        except (SavedModelError, zlib.error) as exc:
            remedy = "give TFRecord files of PredictionLog messages"
            raise UsageError(f"the log {path} cannot be used: {exc}; {remedy}") from exc


@contextmanager
def _content(path: Path) -> Iterator[bytes | mmap.mmap]:
    """Yield what a file holds, unpacked if need be; of a large one only what is looked at comes into memory."""
    with path.open("rb") as file:
        if path.suffix == ".gz" or not path.stat().st_size:
            yield _unpacked(file.read())
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


def _unpacked(content: bytes) -> bytes:
    """Return what one or several gzip streams hold, of a torn one as much as is there."""
    parts = []
    while content:
        stream = zlib.decompressobj(_GZIP)
        parts.append(stream.decompress(content))
        content = stream.unused_data
    return b"".join(parts)


def _model_of(log: Any) -> str:
    """Return the model that a record names, empty if it names none."""
    kind = log.WhichOneof("log_type")
    request: Any = getattr(log, kind).request if kind else None
    specs = [request.model_spec] if hasattr(request, "model_spec") else []
    specs += [task.model_spec for task in request.tasks] if hasattr(request, "tasks") else []
    names = [str(spec.name) for spec in (*specs, log.log_metadata.model_spec)]
    return next(filter(None, names), "")


def _answers(log: Any, number: int) -> list[dict[str, np.ndarray] | None]:
    """Return the logged answer to each request of a record, None where there is none that can be read."""
    kind = log.WhichOneof("log_type")
    entry = getattr(log, kind)
    if not entry.HasField("response"):
        return [None] * number
    by: dict[str, Any] = {"model": "", "model_version": None, "signature_name": ""}
    try:
        if kind == "multi_inference_log":
            target = Target(model="", version=None, label=None)
            found = [answer_arrays(one) for one in inference_results(entry.response.results, target)]
            return [*found] if len(found) == number else [None] * number
        if kind == "predict_log":
            return [answer_arrays(Prediction(outputs=arrays(entry.response.outputs), **by)) or None]
        if kind == "classify_log":
            return [answer_arrays(Classification(classes=classes(entry.response.result), **by))]
        return [answer_arrays(Regression(values=values(entry.response.result), **by))]
    except TensorError:
        return [None] * number


def _timed(asked: Sequence[Recorded]) -> tuple[list[Recorded], list[str]]:
    """Return requests in the order of their times, those of one second spread over it, and what to say about it."""
    lacking = sum(one.at_s is None for one in asked)
    if lacking:
        text = f"{lacking} of {plural(len(asked), 'request')} in the log have no time: it can be sent at a rate only"
        return [replace(one, at_s=None) for one in asked], [text]
    ordered = sorted(asked, key=lambda one: one.at_s or 0.0)
    first_s = ordered[0].at_s or 0.0
    of_second = Counter(one.at_s for one in ordered)
    seen: Counter[float | None] = Counter()
    spread = []
    for one in ordered:
        since_s = (one.at_s or 0.0) - first_s
        spread.append(replace(one, at_s=since_s + seen[one.at_s] / of_second[one.at_s]))
        seen[one.at_s] += 1
    return spread, ["the log tells seconds only: the requests of one second are spread evenly over it"]
