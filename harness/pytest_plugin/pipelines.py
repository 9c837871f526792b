"""A client's pipeline against the model under test, for users' own tests: where its time goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.measure.breakdown import break_down_pipeline
from harness.measure.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.endpoint import Endpoint
    from harness.results import Breakdown
    from harness.servers import Server

__all__ = ["ServingPipeline"]


@dataclass(frozen=True, kw_only=True)
class ServingPipeline:
    """Runs a client's pipeline on files and takes its time apart.

    Attributes:
        server: the server.
        endpoint: the model that the pipeline calls.
        record: takes each row for the report,
        warn: and why one tells less than it could.
    """

    server: Server
    endpoint: Endpoint
    record: Callable[[Breakdown], None]
    warn: Callable[[str], None]

    def __call__(
        self, pipeline: Callable[..., Any], files: Sequence[bytes], *, runs: int = 50
    ) -> tuple[Breakdown, ...]:
        """Run it over each API that the server has, and return a row for each.

        Args:
            pipeline: takes a file's bytes, a client, and, if it names its stages, ``clock``.
            files: what it is given, in turn.
            runs: how many are measured.

        Raises:
            UsageError: the pipeline makes no call of ``predict``.
            CallError: the server gave no answer.
        """
        named = Pipeline(name=f"{pipeline.__module__}:{pipeline.__qualname__}", function=pipeline)
        rows = []
        for api in self.endpoint.apis:
            row, note = break_down_pipeline(self.server, api, named, files, runs=runs, endpoint=self.endpoint)
            self.record(row)
            rows.append(row)
            if note:
                self.warn(f"where the time of {named.name} goes: the server's own part is not told: {note}")
        return tuple(rows)
