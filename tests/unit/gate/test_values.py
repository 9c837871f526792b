"""The metrics of slices taken together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.gate.values import latencies_ns, values_of
from harness.load import Arrivals


def test_a_slice_has_the_metrics_that_are_known(load_result: Any) -> None:
    """Processor time, rate, median and, with enough samples, p99; in open loop no rate."""
    result = load_result()
    assert values_of([result]) == {"cpu_us": 400.0, "rate_per_s": 600.0, "p50_ns": 1e6, "p99_ns": 1e6}
    few = load_result(n=100, server_cpu_us_per_request=None)
    assert set(values_of([few])) == {"rate_per_s", "p50_ns"}
    assert set(values_of([replace(result, arrivals=Arrivals(rate_per_s=600))])) == {"cpu_us", "p50_ns", "p99_ns"}


def test_slices_count_by_their_requests(load_result: Any) -> None:
    """Processor time is of all requests, the rate of all time, percentiles of all latencies."""
    slices = [load_result(n=300, latency_ns=1_000_000), load_result(n=100, latency_ns=9_000_000)]
    slices[1] = replace(slices[1], server_cpu_us_per_request=800.0, duration_s=3.0)
    values = values_of(slices)
    assert values["cpu_us"] == pytest.approx((300 * 400 + 100 * 800) / 400)
    assert values["rate_per_s"] == pytest.approx(400 / 4.0)
    assert values["p50_ns"] == pytest.approx(1e6)
    assert latencies_ns(slices).size == 400


def test_one_unknown_cost_makes_all_unknown(load_result: Any) -> None:
    """A part is not taken for the whole."""
    slices = [load_result(), load_result(server_cpu_us_per_request=None)]
    assert "cpu_us" not in values_of(slices)


def test_slices_without_an_answer_change_nothing(load_result: Any) -> None:
    """A slice in which nothing was sent has no costs, and takes time; of nothing but such there is nothing to tell."""
    nothing = load_result(n=0, server_cpu_us_per_request=None)
    assert values_of([load_result(), nothing])["cpu_us"] == pytest.approx(400.0)
    assert values_of([load_result(), nothing])["rate_per_s"] == pytest.approx(300.0)
    assert values_of([nothing]) == {}
