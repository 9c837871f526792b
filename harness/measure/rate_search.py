"""The highest rate of Poisson arrivals that keeps latency limits, found by runs against a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import HarnessError
from harness.load import Arrivals
from harness.load.search import search_rate
from harness.measure.objective import judge, limited_ns, step_seconds
from harness.measure.runner import Load
from harness.report import text
from harness.results import Limit, RateSearch, RateStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.load import LoadResult
    from harness.load.search import Verdict
    from harness.measure.objective import Judgement, Objective
    from harness.measure.pool import RequestPool
    from harness.measure.runner import Runner

__all__ = ["RateFinder"]

_FIRST_LOOK_S = 2.0
_LEAST_FRACTION = 1 / 16  # of the first rate: below, latency is no longer a matter of the rate, and steps take long
_AGAIN: Mapping[Judgement, int] = {"undecided": 4, "void": 1}  # measured once more, so many times as long
_STEP_WARMUP_S = 3.0  # the first look has warmed the server up; a step's rate has to settle only


class _Stopped(Exception):  # noqa: N818 - ends a search, and is no error
    """The search cannot go on."""


@dataclass(kw_only=True)
class RateFinder:
    """One search; after an interruption its steps are still there.

    Attributes:
        runner: makes the runs. The duration of its settings is the least for a step.
        pool: what to send.
        objectives: the limits to keep, all of them.
        start_per_s: the first rate; None for half of what one request at a time reaches.
        tolerance: how far the two sides of the bracket may lie apart, as a share of the lower one.
        seed: of the arrivals.
        steps: what was measured so far.
    """

    runner: Runner
    pool: RequestPool
    objectives: Sequence[Objective]
    start_per_s: float | None = None
    tolerance: float = 0.05
    seed: int = 0
    steps: list[RateStep] = field(default_factory=list)
    _stopped: str = field(default="", init=False)
    _interrupted: bool = field(default=False, init=False)

    def find(self) -> RateSearch:
        """Search, and return the bracket; where a run ended for other reasons than its rate, what was had until then.

        `interrupted` says whether that was Ctrl-C.

        Raises:
            HarnessError: no run could be made.
        """
        try:
            start_per_s = self.start_per_s or self._first_rate()
            bracket = search_rate(self._probe, start_per_s=start_per_s, tolerance=self.tolerance)
        except _Stopped as exc:
            return self._row(str(exc))
        except KeyboardInterrupt:  # the second one
            self._interrupted = True
            return self._row("interrupted")
        return self._row(bracket.why_open)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the search."""
        return self._interrupted

    def _first_rate(self) -> float:
        """Return half the rate of one request at a time; a limit that even these miss ends the search."""
        load = Load(concurrency=max(self.runner.settings.processes, len(self.runner.endpoints)))
        result = self.runner.run(self.pool, load, duration_s=_FIRST_LOOK_S).result
        self._refuse_end(result)
        if not result.n:
            raise _Stopped("not one request was answered, one at a time")
        median_ns = float(np.median(result.samples.latency_ns))
        for objective in self.objectives:
            if objective.percent >= 50 and median_ns > objective.limit_ns:
                raise _Stopped(f"requests sent one at a time take {text.duration(median_ns)}, half of them longer")
        return result.rate_per_s / 2

    def _probe(self, rate_per_s: float) -> Verdict:
        if self.steps and rate_per_s < self.steps[0].asked_rate_per_s * _LEAST_FRACTION:
            raise _Stopped(f"not even {text.rate(self.steps[-1].asked_rate_per_s)} did")
        duration_s = step_seconds(self.objectives, rate_per_s, least_s=self.runner.settings.duration_s)
        result = self._measure(rate_per_s, duration_s)
        judgement = judge(result, self.objectives)
        if judgement in _AGAIN:
            result = self._measure(rate_per_s, duration_s * _AGAIN[judgement])
            judgement = judge(result, self.objectives)
        verdict: Verdict = "missed" if judgement == "undecided" else judgement
        self.steps.append(
            RateStep(
                asked_rate_per_s=rate_per_s,
                verdict=verdict,
                limited_ns=limited_ns(result, self.objectives[0]),
                n=result.n,
                errors=sum(result.errors.values()),
            )
        )
        return verdict

    def _measure(self, rate_per_s: float, duration_s: float) -> LoadResult:
        load = Load(arrivals=Arrivals(rate_per_s=rate_per_s, seed=self.seed))
        try:
            found = self.runner.run(
                self.pool,
                load,
                duration_s=duration_s,
                most_warmup_s=_STEP_WARMUP_S,
                verdict=lambda result: judge(result, self.objectives),
            )
        except HarnessError as exc:
            if not self.steps:
                raise
            raise _Stopped(f"the next run failed: {exc}") from exc
        self._refuse_end(found.result)
        return found.result

    def _refuse_end(self, result: LoadResult) -> None:
        """End the search with a run that says nothing of its rate: `overrun` does, it missed the limit."""
        if result.ended in ("interrupted", "server gone"):
            self._interrupted = result.ended == "interrupted"
            raise _Stopped(f"the search ended early, {result.ended}: {result.reason}")

    def _row(self, why_open: str) -> RateSearch:
        kept = max((step.asked_rate_per_s for step in self.steps if step.verdict == "kept"), default=None)
        others = [step.asked_rate_per_s for step in self.steps if step.verdict != "kept"]
        missed = min((rate for rate in others if kept is None or rate > kept), default=None)
        first, *further = (Limit(percent=one.percent, limit_ns=one.limit_ns) for one in self.objectives)
        return RateSearch(
            model=self.runner.endpoints[0].model,
            api=self.pool.api,
            method=self.pool.method,
            percent=first.percent,
            limit_ns=first.limit_ns,
            further_limits=tuple(further),
            kept_per_s=kept,
            missed_per_s=missed,
            why_open=why_open,
            steps=tuple(self.steps),
            batch_size=self.pool.batch_size,
            payload_bytes=self.pool.payload_bytes,
        )
