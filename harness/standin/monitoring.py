"""Metrics: the counters and histograms both edges report into, written as Prometheus text.

Names, labels and buckets are those of tensorflow_model_server (behaviour items 190 to 193).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Metrics"]

_LATENCY = tuple(10 * 1.8**power for power in range(33))  # microseconds, to about 20 minutes
_QUEUING = tuple(100 * 1.2**power for power in range(52))  # microseconds, to about 1 second
_SIZES = tuple(2.0**power for power in range(15))
_ROWS = tuple(2.0**power for power in range(14))

Labels = tuple[str, ...]


@dataclass(frozen=True)
class _Family:
    """One metric: its kind, its labels in order, and for a histogram the buckets' upper limits.

    ``lazy`` ones are not there at all before their first value.
    """

    kind: Literal["counter", "gauge", "histogram"]
    labels: Labels
    buckets: tuple[float, ...] = ()
    lazy: bool = False


_FAMILIES = {
    "batching:mixed_priority_batching_policy": _Family("gauge", ("model_name", "op_name")),
    "batching:padding_size_v2": _Family("histogram", ("model_name", "execution_batch_size", "op_name"), _ROWS),
    "batching:processed_batch_size_v2": _Family("counter", ("model_name", "op_name", "batch_size")),
    "batching_session:input_batch_size": _Family("histogram", (), _ROWS, lazy=True),
    "batching_session:padding_size": _Family("histogram", ("execution_batch_size",), _ROWS, lazy=True),
    "batching_session:processed_batch_size": _Family("histogram", (), _ROWS, lazy=True),
    "batching_session:queuing_latency": _Family("histogram", ("thread_pool_name",), _QUEUING),
    "batching_session:wrapped_run_count": _Family("counter", ()),
    "mlmd_map": _Family("gauge", ("model_name", "version")),
    "model_warmup_latency": _Family("histogram", ("model_path", "status"), _LATENCY),
    "model_warmup_records_read": _Family("counter", ("model_path", "status")),
    "request_count": _Family("counter", ("model_name", "status")),
    "request_example_count_total": _Family("counter", ("model",)),
    "request_example_counts": _Family("histogram", ("model",), _SIZES),
    "request_latency": _Family("histogram", ("model_name", "API", "entrypoint"), _LATENCY),
    "request_log_count": _Family("counter", ("model_name", "status")),
    "runtime_latency": _Family("histogram", ("model_name", "API", "runtime"), _LATENCY),
}
_PREFIX = ":tensorflow:serving:"
_REGISTERED_PREFIX = "/tensorflow/serving/"  # before the exporter turns slashes into colons


@dataclass
class _Histogram:
    """How many values fell into each bucket, and their sum."""

    counts: list[int]
    total: float = 0.0


@dataclass
class _Cells:
    """The values of one metric by its labels' values."""

    numbers: dict[Labels, int] = field(default_factory=dict)
    histograms: dict[Labels, _Histogram] = field(default_factory=dict)


class Metrics:
    """All metrics of one server; safe to use from any thread."""

    def __init__(self) -> None:
        """Start with no values."""
        self._lock = threading.Lock()
        self._cells = {name: _Cells() for name in _FAMILIES}

    def count_request(self, model_name: str, status_code_name: str) -> None:
        """Count an answered request; ``model_name`` is empty for malformed URLs."""
        self._count("request_count", (model_name, status_code_name))

    def observe_latency(self, model_name: str, api: str, entrypoint: str, microseconds: float) -> None:
        """Record how long a successful request took; ``entrypoint`` is GRPC or REST."""
        self._observe("request_latency", (model_name, api, entrypoint), microseconds)

    def observe_run(self, model_name: str, api: str, seconds: float) -> None:
        """Record how long the model ran for one request; ``api`` is Predict, Classify or Regress."""
        self._observe("runtime_latency", (model_name, api, "TF1"), seconds * 1e6)

    def count_examples(self, model_name: str, number: int) -> None:
        """Count the examples of a MultiInference request."""
        self._observe("request_example_counts", (model_name,), number)
        self._count("request_example_count_total", (model_name,), number)

    def observe_warm_up(self, model_path: str, status: str, seconds: float) -> None:
        """Record how long reading and replaying a version's warm-up requests took."""
        self._observe("model_warmup_latency", (model_path, status), seconds * 1e6)

    def count_warm_up_record(self, model_path: str) -> None:
        """Count one warm-up request that was replayed."""
        self._count("model_warmup_records_read", (model_path, "OK"))

    def observe_input_rows(self, rows: int, tensors: int) -> None:
        """Record the rows of a request that is to be batched, once for each of its tensors."""
        for _ in range(tensors):
            self._observe("batching_session:input_batch_size", (), rows)

    def observe_queuing(self, seconds: float) -> None:
        """Record how long a request waited for its batch to be run.

        The genuine server makes its batching sessions without the name of their threads, so that label is empty.
        """
        self._observe("batching_session:queuing_latency", ("",), seconds * 1e6)

    def observe_batch(self, size: int, padding: int) -> None:
        """Record the size a batch is run with, and how much of it is padding."""
        self._observe("batching_session:processed_batch_size", (), size)
        self._observe("batching_session:padding_size", (str(size),), padding)

    def count_wrapped_run(self) -> None:
        """Count one run of a batch."""
        self._count("batching_session:wrapped_run_count", ())

    def value(self, name: str) -> int:
        """The sum of a counter over its labels, 0 for an unknown name; ``name`` as in ReloadConfigRequest."""
        is_ours = name.startswith(_REGISTERED_PREFIX)
        cells = self._cells.get(name.removeprefix(_REGISTERED_PREFIX).replace("/", ":")) if is_ours else None
        with self._lock:
            return sum(cells.numbers.values()) if cells else 0

    def _count(self, name: str, labels: Labels, by: int = 1) -> None:
        numbers = self._cells[name].numbers
        with self._lock:
            numbers[labels] = numbers.get(labels, 0) + by

    def _observe(self, name: str, labels: Labels, value: float) -> None:
        histograms, buckets = self._cells[name].histograms, _FAMILIES[name].buckets
        with self._lock:
            histogram = histograms.get(labels)
            if histogram is None:
                histogram = histograms[labels] = _Histogram([0] * (len(buckets) + 1))
            histogram.counts[bisect_left(buckets, value)] += 1
            histogram.total += value

    def render(self) -> bytes:
        """All values as Prometheus text, UTF-8."""
        lines: list[str] = []
        with self._lock:
            for name, family in _FAMILIES.items():
                cells = self._cells[name]
                if family.lazy and not cells.histograms:
                    continue
                lines.append(f"# TYPE {_PREFIX}{name} {family.kind}")
                for values, number in cells.numbers.items():
                    lines.append(f"{_PREFIX}{name}{_labels(family.labels, values)} {number}")
                for values, histogram in cells.histograms.items():
                    lines += _histogram_lines(_PREFIX + name, family, values, histogram)
        return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _labels(names: Labels, values: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + pairs + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _histogram_lines(name: str, family: _Family, values: Labels, histogram: _Histogram) -> list[str]:
    lines, seen = [], 0
    limits = [f"{limit:g}" for limit in family.buckets] + ["+Inf"]
    for limit, count in zip(limits, histogram.counts, strict=True):
        seen += count
        lines.append(f"{name}_bucket{_labels((*family.labels, 'le'), (*values, limit))} {seen}")
    labels = _labels(family.labels, values)
    return [*lines, f"{name}_sum{labels} {histogram.total:g}", f"{name}_count{labels} {seen}"]
