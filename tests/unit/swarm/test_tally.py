"""Latencies counted apart and joined, and schedules of users."""

from __future__ import annotations

from fixtures.extras import require_extra

require_extra("swarm")

# ruff: noqa: E402, I001 - what follows needs the extra
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.errors import UsageError
from harness.load import EncodedRequest
from harness.measure import RequestPool
from harness.swarm import read_pool, write_pools
from harness.swarm.member import Member, Pace
from harness.swarm.pacing import Pacer
from harness.stats import percentile
from harness.swarm.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path


def _pool() -> RequestPool:
    request = EncodedRequest(body=b"\0\xff", method="/a/b", headers=(("x", "y"),))
    return RequestPool(api="grpc", method="predict", encoded=(request,), source="1 request", batch_size=1)


def test_joined_percentiles_are_those_of_all_samples() -> None:
    """Percentiles of joined tallies, and their bounds, are those of all samples: to 1 us below 2 ms, to 0.1 % above."""
    samples_us = np.random.default_rng(5).lognormal(6.5, 0.8, 12_000).round().astype(int)
    whole = Tally()
    for part in np.array_split(samples_us, 3):
        tally = Tally()
        for latency_us in part:
            tally.add(scheduled_ns=0, done_ns=int(latency_us) * 1_000, status=0)
        whole.join(tally.take())
        assert tally.n == 0
    assert whole.n == samples_us.size
    for each in whole.percentiles():
        exact = int(np.sort(samples_us)[round(samples_us.size * each.percent / 100) - 1])
        assert each.value_ns == pytest.approx(exact * 1_000, rel=0.001, abs=1_000)
        assert each.upper_ns == pytest.approx(
            percentile(samples_us * 1_000, each.percent).upper_ns, rel=0.001, abs=1_000
        )


def test_too_few_samples_give_no_percentile() -> None:
    """A percentile without enough samples is not told, and failures are in none."""
    tally = Tally()
    tally.add(scheduled_ns=0, done_ns=5_000, status=14)
    assert tally.n == 0
    assert tally.errors == {"UNAVAILABLE": 1}
    assert not any(each.sufficient for each in tally.percentiles())


def test_a_lost_worker_and_a_lost_report_are_told() -> None:
    """A worker without a last report, and a gap in the reports of one, are warnings of the row."""
    worker, master = Member(), Member()
    worker.pools["grpc"] = _pool()
    for number in range(3):
        worker.tallies["grpc"].add(scheduled_ns=0, done_ns=1_000_000, status=0)
        report = worker.report(last=False)
        if number != 1:
            master.join("one", report)
    (row,) = master.rows(model="m", pace=Pace())
    assert row.n == 2
    assert "lost 1 worker(s), one" in row.warnings[0]
    assert "1 report(s)" in row.warnings[1]


def test_a_late_request_counts_from_when_it_was_due() -> None:
    """After a stall the requests that were due meanwhile are due in the past, one interval apart."""
    pacer = Pacer(rate_per_s=10, arrivals="constant", now_ns=0, seed=1)
    first_ns = pacer.scheduled_ns(2_000_000_000)
    assert first_ns < 100_000_000
    assert pacer.wait_s(2_000_000_000) == 0
    assert pacer.scheduled_ns(2_000_000_000) == first_ns + 100_000_000


def test_a_pool_survives_its_file(tmp_path: Path) -> None:
    """Requests read from a file are the bytes that were written; another API's are refused with the remedy."""
    path = write_pools([_pool()], tmp_path / "requests.json")
    assert read_pool(path, "grpc").encoded == _pool().encoded
    with pytest.raises(UsageError, match="write_pools"):
        read_pool(path, "rest")
