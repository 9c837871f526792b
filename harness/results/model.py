"""Results: the whole of one run, as one value."""

from dataclasses import dataclass

from harness.findings import Finding
from harness.pictures import Picture
from harness.results.gated import Gated, Trend
from harness.results.longer import Breakdown, ColdStart, RateSearch, Scenario, Soak
from harness.results.measured import Latency, Throughput
from harness.results.surroundings import Backend, Machine, Run, ServedModel

__all__ = ["Failure", "Outcome", "Results"]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A test that failed.

    Attributes:
        node_id: pytest's name of it.
        error: the first line of its error.
    """

    node_id: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the tests ended.

    Attributes:
        passed: how many passed, expected failures included.
        failed: how many failed, or broke in their set-up or tear-down.
        skipped: how many did not run.
        failures: the ones that failed.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: tuple[Failure, ...] = ()

    @property
    def total(self) -> int:
        """All of them."""
        return self.passed + self.failed + self.skipped


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything one run leaves behind; results.json holds exactly this.

    Attributes:
        run: the invocation.
        machine: where it ran.
        backend: what served the models, None if no server was needed.
        models: what was served.
        tests: how the tests ended, None if none were asked for.
        findings: what the checks established, passed or not.
        latency: latency rows.
        throughput: throughput rows.
        rate_searches: the highest rates that keep a latency limit.
        cold_starts: from start to the first answers.
        soaks: long runs under steady load.
        scenarios: runs of MLPerf's scenarios.
        breakdowns: where the time of a call goes.
        gated: what a gate found.
        trends: stored measurements over time.
        pictures: inputs and answers to look at.
        warnings: what the reader must know before believing the rest.
    """

    run: Run
    machine: Machine
    backend: Backend | None = None
    models: tuple[ServedModel, ...] = ()
    tests: Outcome | None = None
    findings: tuple[Finding, ...] = ()
    latency: tuple[Latency, ...] = ()
    throughput: tuple[Throughput, ...] = ()
    rate_searches: tuple[RateSearch, ...] = ()
    cold_starts: tuple[ColdStart, ...] = ()
    soaks: tuple[Soak, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()
    gated: tuple[Gated, ...] = ()
    trends: tuple[Trend, ...] = ()
    pictures: tuple[Picture, ...] = ()
    warnings: tuple[str, ...] = ()
