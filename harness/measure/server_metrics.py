"""What a server's own metrics say of a measured time: differences between two readings of its Prometheus page.

tensorflow_model_server shows them at its REST port if it was told so (behaviour items 190 to 193). Latencies are
histograms in microseconds whose buckets grow by 1.8: good for means, as sum by count, and for nothing else. Sums have
six digits: on a server that has answered for days those of a short run are lost among them, and a mean is left out.
What is told of batching has no model's name, so it is of all models of the server.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from prometheus_client.parser import text_string_to_metric_families

from harness.clients.rest_session import open_session
from harness.errors import HarnessError
from harness.results import ServerSide
from harness.servers.command import METRICS_FLAG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.endpoint import Endpoint
    from harness.results import Throughput
    from harness.results.measured import Api
    from harness.servers import Server

__all__ = ["MetricsError", "MetricsWatch", "Reading", "load_seconds", "metrics_url", "read_metrics", "server_side"]

_DEFAULT_PATH = "/monitoring/prometheus/metrics"
_SERVING = ":tensorflow:serving:"
_LOAD_US = ":tensorflow:cc:saved_model:load_latency"
_ENTRY_POINTS: Mapping[Api, str] = {"grpc": "GRPC", "rest": "REST"}
_PATH = re.compile(r"""\bpath\s*:\s*["']([^"']+)["']""")
_TIMEOUT_S = 5.0
_NS_PER_US = 1_000
_DIGITS = 6
_LEAST_STEPS = 20


class MetricsError(HarnessError):
    """A server's metrics cannot be had."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A page of metrics.

    Attributes:
        values: of each series, by its name and its labels.
    """

    values: Mapping[tuple[str, frozenset[tuple[str, str]]], float]

    @classmethod
    def parse(cls, text: str) -> Reading:
        """Read the Prometheus text format, version 0.0.4.

        Raises:
            MetricsError: the text is something else.
        """
        values = {}
        try:
            for family in text_string_to_metric_families(text):
                for sample in family.samples:  # the parser calls a counter NAME_total, whatever the page calls it
                    name = family.name if family.type == "counter" else sample.name
                    values[name, frozenset(sample.labels.items())] = float(sample.value)
        except (ValueError, KeyError, IndexError) as exc:
            raise MetricsError(f"the page of metrics is no Prometheus text: {exc}") from exc
        return cls(values=values)

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum over all series of that name with at least these labels; None if there is none."""
        wanted = set(labels.items())
        found = [value for (one, given), value in self.values.items() if one == name and wanted <= given]
        return sum(found) if found else None

    def load_s(self, model: str) -> float | None:
        """Return how long loading a model's SavedModels took; None if not told.

        Without warm-up. The label is the path of the version as the server sees it: ``.../MODEL/VERSION``.
        """
        found = [
            value
            for (name, labels), value in self.values.items()
            if name == _LOAD_US and f"/{model}/" in dict(labels).get("model_path", "")
        ]
        return sum(found) / 1e6 if found else None


def metrics_url(server: Server) -> str:
    """Return where a server shows its metrics: at the path of its own monitoring config, if that lies on this machine.

    Raises:
        MetricsError: it has no REST address, or was started by the harness without metrics.
    """
    _, rest = server.engine.addresses()
    if rest is None:
        raise MetricsError("metrics are shown at the REST port only, and no REST address is given")
    files = [flag.partition("=")[2] for flag in server.spec.args if flag.startswith(f"{METRICS_FLAG}=")]
    if not files and not server.spec.metrics and server.backend.name != "external":
        raise MetricsError(f"the server was started without metrics; give it {METRICS_FLAG}")
    return rest.rstrip("/") + (_path_in(files[-1]) if files else _DEFAULT_PATH)


def _any_endpoint(server: Server) -> Endpoint:
    return server.endpoint_of(server.spec.model_names[0])


def _path_in(file: str) -> str:
    try:
        found = _PATH.search(Path(file).read_text())
    except (OSError, ValueError):  # it lies in the container, where the path cannot be looked up
        return _DEFAULT_PATH
    return found[1] if found else _DEFAULT_PATH


def read_metrics(url: str, endpoint: Endpoint | None = None) -> Reading:
    """Return what the page says now.

    Args:
        url: of the page.
        endpoint: whose TLS files and headers are used; None for none.

    Raises:
        MetricsError: there is no such page, nobody answers, or it is something else.
    """
    tls, headers = (None, {}) if endpoint is None else (endpoint.tls_over("rest"), dict(endpoint.headers))
    with open_session(url, tls, headers) as session:
        try:
            answer = session.get(url, timeout=_TIMEOUT_S)
        except (requests.RequestException, ValueError) as exc:
            raise MetricsError(f"{url} does not answer: {type(exc).__name__}") from exc
    if answer.status_code != requests.codes.ok:
        raise MetricsError(
            f"{url} answers {answer.status_code}: the server was started without {METRICS_FLAG}, or shows its metrics"
            " at another path"
        )
    return Reading.parse(answer.content.decode("utf-8", "replace"))


@dataclass(frozen=True, kw_only=True)
class _Mean:
    """How often something was counted between two readings, and the sum of it.

    Attributes:
        count: how often.
        total: the sum.
        step: how finely the sum is told.
    """

    count: float
    total: float
    step: float

    @property
    def mean(self) -> float | None:
        """The mean; None if nothing was counted, or if the sum is told too coarsely for it."""
        is_coarse = self.step > 1 and self.total < _LEAST_STEPS * self.step
        return None if is_coarse or not self.count else self.total / self.count


def server_side(before: Reading, after: Reading, *, model: str, api: Api, method: str) -> ServerSide:
    """Return what happened between two readings.

    Args:
        before: the reading at the beginning.
        after: that at the end.
        model: the servable's name.
        api: ``grpc`` or ``rest``.
        method: ``predict``, ``classify`` or ``regress``.

    Raises:
        MetricsError: a counter fell, so the server was started anew in between; or none counts such requests.
    """
    fallen = [
        key[0]
        for key, value in before.values.items()
        if not key[0].endswith("_bucket") and key[0].endswith(("_count", "_sum")) and after.values.get(key, 0.0) < value
    ]
    if fallen:
        raise MetricsError(f"the server was started anew meanwhile: {fallen[0]} fell")

    def mean(name: str, **labels: str) -> _Mean:
        (first_n, first_sum), (last_n, last_sum) = (
            [one.total(f"{_SERVING}{name}_{part}", **labels) or 0.0 for part in ("count", "sum")]
            for one in (before, after)
        )
        step = 10.0 ** (math.floor(math.log10(last_sum)) + 1 - _DIGITS) if last_sum > 0 else 0.0
        return _Mean(count=last_n - first_n, total=last_sum - first_sum, step=step)

    label = method.capitalize() if api == "grpc" else method
    request = mean("request_latency", model_name=model, API=label, entrypoint=_ENTRY_POINTS[api])
    if not request.count:
        raise MetricsError(f"it counted no {label} of model {model!r} that was answered well")
    runtime = mean("runtime_latency", model_name=model, API=method.capitalize())
    padding, batch = (mean(f"batching_session:{name}") for name in ("padding_size", "processed_batch_size"))
    return ServerSide(
        requests=round(request.count),
        request_latency_mean_ns=_ns(request.mean),
        runtime_latency_mean_ns=_ns(runtime.mean),
        queue_mean_ns=_ns(mean("batching_session:queuing_latency").mean),
        batch_size_mean=(batch.total - padding.total) / batch.count if batch.count else None,  # run with its padding
        padding_mean=padding.mean,
    )


def _ns(mean_us: float | None) -> float | None:
    return None if mean_us is None else mean_us * _NS_PER_US


class MetricsWatch:
    """Reads a server's metrics when measuring begins and when it ends. It never fails; it says why it has nothing.

    Attributes:
        note: why there is nothing, empty if all is well.
    """

    def __init__(self, server: Server) -> None:
        """Read nothing yet."""
        self._readings: list[Reading] = []
        self.note = ""
        try:
            self._url, self._endpoint = metrics_url(server), _any_endpoint(server)
        except MetricsError as exc:
            self.note = str(exc)

    def look(self) -> None:
        """Read the page now."""
        if self.note:
            return
        try:
            self._readings.append(read_metrics(self._url, self._endpoint))
        except MetricsError as exc:
            self.note = str(exc)

    def hear(self, phase: str) -> None:
        """Read it if a load run begins to measure, or ends; for ``run_load(on_phase=...)``."""
        if phase == "measuring" or (phase == "ended" and self._readings):
            self.look()

    def on(self, row: Throughput) -> Throughput:
        """Return a run's row with what the server says of it; a warning if it ceased to tell while the run went on."""
        found = self.server_side(model=row.model, api=row.api, method=row.method)
        if found is None and self._readings:
            return replace(row, warnings=(*row.warnings, f"the server's own metrics are left out: {self.note}"))
        return replace(row, server=found)

    def server_side(self, *, model: str, api: Api, method: str) -> ServerSide | None:
        """Return what happened between the first reading and the last; None, with a note, if they do not tell."""
        readings: Sequence[Reading] = self._readings
        if self.note or len(readings) < 2:
            self.note = self.note or "it was not read twice"
            return None
        try:
            return server_side(readings[0], readings[-1], model=model, api=api, method=method)
        except MetricsError as exc:
            self.note = str(exc)
            return None


def load_seconds(server: Server, model: str) -> float | None:
    """Return how long the server says that it loaded the model, None if it does not say."""
    try:
        return read_metrics(metrics_url(server), _any_endpoint(server)).load_s(model)
    except MetricsError:
        return None
