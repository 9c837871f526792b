"""Engines: what speaks one wire protocol, one file each. This table is the seam; a new engine is a line in it.

An engine is a function ``run(job, session)`` in a worker process that is its alone. It calls ``session.ready`` once it
is connected, sends from ``session.begin`` on while ``session.running``, gives every outcome to ``session.add`` with
times of ``time.perf_counter_ns``, calls ``session.stop("server gone", ...)`` when nothing answers at a target (any
more), and returns when all it sent is accounted for: what has no answer by then is UNFINISHED, what was due and was
never sent NOT_SENT. After an early stop it waits a second for what is in flight, after the planned end as long as a
request may take.

The reference engines know one target, in closed loop, and nothing else: they are there to compare with.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.load.job import Job
    from harness.load.session import Session

__all__ = ["DEFAULTS", "ENGINES", "REFERENCES", "Engine", "check", "engine"]

ENGINES = {
    "grpc": {"http2": "harness.load.engines.grpc_wire", "grpc.aio": "harness.load.engines.grpc_aio"},
    "rest": {"http1": "harness.load.engines.rest_wire", "h11": "harness.load.engines.rest_h11"},
}
REFERENCES = ("grpc.aio", "h11")
DEFAULTS = {"grpc": "http2", "rest": "http1"}


class Engine(Protocol):
    """What every engine's module offers as ``run``."""

    def __call__(self, job: Job, session: Session) -> None:
        """Carry out the job and return when it is done."""


def check(api: str, name: str | None) -> str:
    """Return the engine's name, the default one for None.

    Raises:
        UsageError: there is no such API or engine.
    """
    if api not in ENGINES:
        raise UsageError(f"api must be one of {sorted(ENGINES)}, got {api!r}")
    chosen = DEFAULTS[api] if name is None else name
    if chosen not in ENGINES[api]:
        raise UsageError(f"no engine {chosen!r} for {api}; there is {', '.join(sorted(ENGINES[api]))}")
    return chosen


def engine(name: str) -> Engine:
    """Return an engine's ``run``, loading its module."""
    (module,) = [names[name] for names in ENGINES.values() if name in names]
    return cast("Engine", importlib.import_module(module).run)
