"""Cold start: from a server that is not running to its first answers, with the model's warm-up records and without.

Starts with and without records alternate, so that what the machine does meanwhile hits both alike. The files are in the
page cache of this machine by then, so the reading of a model from a slow disk is not in it.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from harness.checks.opening import served_files
from harness.clients import GrpcClient, open_client
from harness.errors import CheckError, UsageError
from harness.measure.progress import SILENT
from harness.measure.server_metrics import load_seconds
from harness.measure.timed_client import send_encoded
from harness.model_config import ModelConfig
from harness.report import text
from harness.results import ColdStart
from harness.savedmodel import publish_copy, read_warmup
from harness.savedmodel.warmup import WARMUP_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from harness.measure.pool import RequestPool
    from harness.measure.progress import Progress
    from harness.savedmodel import ModelLayout
    from harness.servers import Server
    from harness.stage import Stage

__all__ = ["ColdStarting"]

_LATER = 20


@dataclass(frozen=True, kw_only=True)
class _Start:
    ready_s: float
    first_ns: float
    later_ns: float
    load_s: float | None


@dataclass(frozen=True, kw_only=True)
class _Copy:
    """A copy of the version that is served, and how its starts went."""

    model: ModelConfig
    records: int
    starts: list[_Start] = field(default_factory=list)


@dataclass
class ColdStarting:
    """Starts of servers like one that runs; what it has are its `rows`, whenever they are asked for.

    Attributes:
        server: the server that runs; it is left as it is.
        stage: starts servers like it, None if it is not ours to start again.
        pool: what to send; its first request is the first one.
        runs: how many starts of each kind.
        tags: the tags of the SavedModel.
        progress: what is told of each start.
    """

    server: Server
    stage: Stage | None
    pool: RequestPool
    runs: int
    tags: tuple[str, ...] = ("serve",)
    progress: Progress = SILENT
    _copies: tuple[_Copy, ...] = ()

    def run(self) -> tuple[ColdStart, ...]:
        """Start them, and return a row for each kind.

        Raises:
            UsageError: the server is not ours to start again, or the model's files are not at hand.
            CheckError: the model cannot be copied.
            ServerError: a server did not become ready.
            CallError: one gave no answer.
        """
        if self.stage is None:
            raise UsageError(
                "a cold start needs a server that the harness starts itself, and this one was started by somebody else;"
                " give the PATH of the model instead of an endpoint"
            )
        version = self._version(self.stage.model.name)
        with self.stage.folder() as folder:
            self._copies = _copies(version, folder, self.stage.model.name)
            self.progress.expect(self.runs * len(self._copies))
            for _ in range(self.runs):
                for copy in self._copies:
                    copy.starts.append(self._start(self.stage, copy))
        return self.rows

    def _version(self, model: str) -> ModelLayout:
        with GrpcClient(self.server.endpoint) as client:
            found, _ = served_files(self.server, model, self.tags, client.model_status())
        if found is None:
            raise UsageError("a cold start needs the model's files, which are not at hand; give its PATH")
        return found

    def _start(self, stage: Stage, copy: _Copy) -> _Start:
        kind = f"with {text.plural(copy.records, 'warm-up record')}" if copy.records else "without warm-up records"
        self.progress.begin(f"{self.pool.api}, start {kind}", warmup_s=0.0, duration_s=None)
        began_s = time.monotonic()
        with stage.server(copy.model) as server:
            ready_s = time.monotonic() - began_s
            load_s = load_seconds(server, copy.model.name)
            latency_ns = self._latencies(server)
        found = _Start(
            ready_s=ready_s, first_ns=latency_ns[0], later_ns=float(np.median(latency_ns[1:])), load_s=load_s
        )
        times = f"first {text.duration(found.first_ns)}, later {text.duration(found.later_ns)}"
        self.progress.end(f"ready in {text.seconds(ready_s)}, {times}")
        return found

    def _latencies(self, server: Server) -> list[float]:
        """Return what the first request and those after it took, on a connection that was there before."""
        found = []
        with open_client(server.endpoint, self.pool.api) as client:
            client.model_status()  # connects: the first request shall not pay for that
            for number in range(1 + _LATER):
                encoded = self.pool.encoded[number % len(self.pool.encoded)]
                sent_ns = time.perf_counter_ns()
                send_encoded(client, encoded, self.pool.method)
                found.append(float(time.perf_counter_ns() - sent_ns))
        return found

    @property
    def rows(self) -> tuple[ColdStart, ...]:
        """What was had until now: a row for each kind that was started at least once."""
        return tuple(
            ColdStart(
                model=copy.model.name,
                api=self.pool.api,
                warmup_records=copy.records,
                runs=len(copy.starts),
                ready_s=tuple(one.ready_s for one in copy.starts),
                load_s=tuple(one.load_s for one in copy.starts if one.load_s is not None),
                first_ns=tuple(one.first_ns for one in copy.starts),
                later_ns=tuple(one.later_ns for one in copy.starts),
            )
            for copy in self._copies
            if copy.starts
        )


def _copies(version: ModelLayout, folder: Path, name: str) -> tuple[_Copy, ...]:
    """Copy a version, with its warm-up records, if it has any, and without; under its own number.

    Raises:
        CheckError: it cannot be copied.
    """
    records = len(read_warmup(version.path))
    found = []
    try:
        for count in dict.fromkeys((records, 0)):
            base_path = folder / ("with" if count else "without") / name
            copied = publish_copy(version.path, base_path, version=version.version)
            if not count:
                (copied / WARMUP_FILE).unlink(missing_ok=True)
            found.append(_Copy(model=ModelConfig(name=name, base_path=str(base_path)), records=count))
    except (OSError, shutil.Error) as exc:
        raise CheckError(
            f"{version.path} cannot be copied to {folder}: {exc}; set TMPDIR to a directory with room for the model"
        ) from exc
    return tuple(found)
