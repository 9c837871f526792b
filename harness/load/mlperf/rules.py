"""Rules: what LoadGen is told of a run, and how that travels to the worker process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["DEFAULT_PERCENT", "Rules", "ScenarioName"]

ScenarioName = Literal["SingleStream", "MultiStream", "Server", "Offline"]

DEFAULT_PERCENT: Mapping[ScenarioName, float] = {"SingleStream": 90.0, "MultiStream": 99.0, "Server": 99.0}
"""The percentile of latency that each scenario is judged by, as MLPerf's rules have it; Offline has none."""

_MOST_SEED = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The settings of a run.

    Attributes:
        scenario: ``SingleStream``, ``MultiStream``, ``Server`` or ``Offline``.
        min_duration_s: the shortest valid run.
        min_queries: the fewest queries of a valid run; not for Offline, which is one query.
        percent: the percentile of latency that the scenario is judged by, None for the one of MLPerf's rules.
        target_latency_ns: Server: the limit of that percentile.
        rate_per_s: Server: mean of the Poisson arrivals. Offline: how many samples a second to expect at most.
        expected_latency_ns: SingleStream and MultiStream: the latency to expect of a query. LoadGen draws its queries
            before the run, twice as many as it then expects to need; an hour of queries of 0.1 ms takes it minutes.
        samples_per_query: MultiStream: requests in a query.
        in_flight: Offline: the most requests in flight. Server over REST: connections to begin with.
        seed: of the arrivals, and of which request each sample is.

    Raises:
        UsageError: a value that LoadGen could not use.
    """

    scenario: ScenarioName
    min_duration_s: float = 10.0
    min_queries: int = 100
    percent: float | None = None
    target_latency_ns: int = 15_000_000
    rate_per_s: float = 1.0
    expected_latency_ns: int = 1_000_000
    samples_per_query: int = 8
    in_flight: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what LoadGen would abort for, or take for something else."""
        if not 0.001 <= self.min_duration_s <= 86_400:
            raise UsageError(f"the shortest duration must lie between 0.001 and 86,400 s, got {self.min_duration_s!r}")
        if not 0 < self.judged_percent < 100:
            raise UsageError(f"the percentile must lie between 0 and 100, got {self.percent!r}; e.g. 99")
        if not 0 < self.rate_per_s < 1e9:
            raise UsageError(f"the rate must be above 0 requests a second, got {self.rate_per_s!r}")
        for name in ("min_queries", "target_latency_ns", "expected_latency_ns", "samples_per_query", "in_flight"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.seed <= _MOST_SEED:
            raise UsageError(f"the seed must lie between 0 and {_MOST_SEED}, got {self.seed}")

    @property
    def judged_percent(self) -> float:
        """The percentile of latency that the scenario is judged by; of Offline any."""
        return DEFAULT_PERCENT.get(self.scenario, 99.0) if self.percent is None else self.percent

    def save(self, folder: Path) -> None:
        """Write rules.json."""
        (folder / "rules.json").write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, folder: Path) -> Rules:
        """Read what `save` wrote."""
        return cls(**json.loads((folder / "rules.json").read_text()))

    def fields(self) -> dict[str, Any]:
        """Return the fields of LoadGen's TestSettings, but for the scenario and the mode."""
        share = self.judged_percent / 100
        return {
            "min_duration_ms": max(1, round(self.min_duration_s * 1e3)),
            "min_query_count": self.min_queries,
            "single_stream_target_latency_percentile": share,
            "single_stream_expected_latency_ns": self.expected_latency_ns,
            "multi_stream_target_latency_percentile": share,
            "multi_stream_expected_latency_ns": self.expected_latency_ns,
            "multi_stream_samples_per_query": self.samples_per_query,
            "server_target_latency_percentile": share,
            "server_target_latency_ns": self.target_latency_ns,
            "server_target_qps": self.rate_per_s,
            "offline_expected_qps": self.rate_per_s,
            "qsl_rng_seed": self.seed,
            "sample_index_rng_seed": self.seed,
            "schedule_rng_seed": self.seed,
        }
