"""Member: one process of a swarm, what it sends and what it has counted; of a master also what its workers reported."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.results import Throughput
from harness.swarm.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.measure import RequestPool
    from harness.results.measured import Api

__all__ = ["Member", "Pace"]

KEY = "tfserving_harness"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often each user sends; a rate of 0 is a closed loop."""

    rate_per_s: float = 0.0
    arrivals: str = "constant"


@dataclass(frozen=True, kw_only=True)
class _About:
    """What a process says of one API besides its tally."""

    elapsed_s: float
    users: int
    method: str
    payload_bytes: int
    source: str


class Member:
    """The state of one process; a test starts it afresh."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.pools: dict[Api, RequestPool] = {}
        self.lock = threading.Lock()
        self.restart()

    def restart(self) -> None:
        """Forget all counts and workers, not the requests."""
        self.users: dict[Api, int] = {}
        self._last: dict[str, bool] = {}
        self._sequence: dict[str, int] = {}
        self._sent = 0
        self.reset()

    def reset(self) -> None:
        """Forget what was counted, as after spawning."""
        self.tallies: defaultdict[Api, Tally] = defaultdict(Tally)
        self._about: dict[tuple[str, Api], _About] = {}
        self._lost_reports = 0

    def report(self, *, last: bool) -> dict[str, Any]:
        """Return what a worker tells its master, and count from zero."""
        self._sent += 1
        apis = {
            api: {**tally.take(), "users": self.users.get(api, 0), **self._of_pool(api)}
            for api, tally in self.tallies.items()
        }
        return {"number": self._sent, "last": last, "apis": apis}

    def expect(self, worker: str) -> None:
        """Note that a worker takes part, before it has told anything."""
        self._last.setdefault(worker, False)

    def join(self, worker: str, report: Mapping[str, Any]) -> None:
        """Take a worker's report."""
        expected = self._sequence.get(worker, report["number"] - 1) + 1
        self._lost_reports += max(0, report["number"] - expected)
        self._sequence[worker] = report["number"]
        self._last[worker] = report["last"]
        for api, part in report["apis"].items():
            self.tallies[api].join(part)
            self._about[worker, api] = _About(**{name: part[name] for name in _About.__dataclass_fields__})

    def lost_workers(self, missing: tuple[str, ...] = ()) -> list[str]:
        """Return the workers whose last report never came; `missing` are those that Locust has lost."""
        return sorted({*missing, *(worker for worker, last in self._last.items() if not last)})

    def rows(self, *, model: str, pace: Pace, missing: tuple[str, ...] = ()) -> tuple[Throughput, ...]:
        """Return one row for each API; requests that no report told of are in none."""
        warnings = self._warnings(missing)
        return tuple(self._row(api, model, pace, warnings) for api in sorted(self.tallies))

    def _of_pool(self, api: Api) -> dict[str, Any]:
        pool = self.pools[api]
        return {"method": pool.method, "payload_bytes": pool.payload_bytes, "source": pool.source}

    def _abouts(self, api: Api) -> list[_About]:
        """Return what the workers said last, or what this process says if it has none."""
        told = [about for (_, of), about in self._about.items() if of == api]
        if told:
            return told
        own = self._of_pool(api)
        return [_About(elapsed_s=self.tallies[api].elapsed_s, users=self.users.get(api, 0), **own)]

    def _row(self, api: Api, model: str, pace: Pace, warnings: tuple[str, ...]) -> Throughput:
        tally, abouts = self.tallies[api], self._abouts(api)
        duration_s = max(about.elapsed_s for about in abouts)
        users = sum(about.users for about in abouts)
        clipped = (f"{tally.clipped:,} latencies above an hour count as one hour",) if tally.clipped else ()
        return Throughput(
            model=model,
            api=api,
            method=abouts[0].method,
            concurrency=users,
            duration_s=duration_s,
            n=tally.n,
            rate_per_s=tally.n / duration_s if duration_s else 0.0,
            percentiles=tally.percentiles(),
            errors=dict(tally.errors),
            steady=False,
            loop="open" if pace.rate_per_s else "closed",
            asked_rate_per_s=pace.rate_per_s * users if pace.rate_per_s else None,
            arrivals=pace.arrivals if pace.rate_per_s else "",
            engine="locust",
            payload_bytes=abouts[0].payload_bytes,
            requests=abouts[0].source,
            warnings=(*warnings, *clipped),
        )

    def _warnings(self, missing: tuple[str, ...]) -> tuple[str, ...]:
        found = []
        if lost := self.lost_workers(missing):
            found.append(
                f"lost {len(lost)} worker(s), {', '.join(lost)}: what they sent after their last report is not counted"
            )
        if self._lost_reports:
            found.append(f"{self._lost_reports} report(s) of workers never arrived: their requests are not counted")
        return tuple(found)
