"""Slices of a run, and what the server used in them."""

from __future__ import annotations

import threading

import pytest

from fixtures.load_results import made_result
from harness.load import ServerUsage
from harness.measure.timeline import MOST_WINDOWS, UsageWatch, windows_of


def test_a_run_is_cut_into_slices() -> None:
    """Each request is counted in the slice in which it was scheduled, errors apart, and nothing is lost."""
    latency_ms = [1.0] * 50 + [9.0] * 49 + [30.0]
    windows = windows_of(made_result(latency_ms, duration_s=1.0, status=[0] * 98 + [14, 0]))
    assert [window.start_s for window in windows] == pytest.approx([number / 10 for number in range(10)])
    assert [window.n for window in windows] == [10] * 9 + [9]
    assert [window.errors for window in windows] == [0] * 9 + [1]
    assert (windows[0].p50_ns, windows[0].max_ns) == (1e6, 1e6)
    assert (windows[9].p50_ns, windows[9].max_ns) == (9e6, 30e6)
    assert all(window.server_cpu_share is None for window in windows)


@pytest.mark.parametrize("duration_s", [0.03, 0.95, 6.0, 6.1, 59.0, 601.0, 86_400.0])
def test_there_are_never_too_many_slices(duration_s: float) -> None:
    """At most 60, which cover the whole time, however long it is."""
    windows = windows_of(made_result([1.0] * 700, duration_s=duration_s))
    assert len(windows) <= MOST_WINDOWS
    assert sum(window.n for window in windows) == 700
    assert windows[-1].start_s + windows[-1].duration_s == pytest.approx(duration_s)


def test_nothing_measured_is_no_slice() -> None:
    """A run that never came to measuring has none."""
    assert windows_of(made_result([], duration_s=0.0)) == ()


def test_an_empty_slice_has_no_latency() -> None:
    """A slice in which nothing was scheduled says so."""
    windows = windows_of(made_result([1.0, 1.0], duration_s=1.0))
    assert [window.n for window in windows] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert windows[1].p50_ns is None


def test_the_servers_share_of_a_core_is_told_where_it_is_known() -> None:
    """From readings now and then, by straight lines between them; beyond them nothing is known."""
    begin_ns = 10**9  # of the made result
    readings = [(begin_ns, 0), (begin_ns + 500_000_000, 500_000), (begin_ns + 800_000_000, 500_000)]
    windows = windows_of(made_result([1.0] * 100, duration_s=1.0), readings)
    assert [window.server_cpu_share for window in windows] == [
        *[pytest.approx(1.0)] * 5,
        *[pytest.approx(0.0, abs=1e-6)] * 3,
        None,
        None,
    ]


def test_a_watch_reads_while_it_is_measured_and_no_longer() -> None:
    """It reads when it is asked, and in between by itself until the run ends."""
    enough, count = threading.Event(), [0]

    def usage() -> ServerUsage:
        count[0] += 1
        if count[0] >= 4:
            enough.set()
        return ServerUsage(cpu_us=count[0])

    watch = UsageWatch(usage, every_s=0.001)
    watch.usage()
    watch.hear("measuring")
    assert enough.wait(30)
    watch.hear("ended")
    seen = len(watch.readings)
    watch.stop()
    assert len(watch.readings) == seen == count[0]
    assert [used for _, used in watch.readings] == list(range(1, seen + 1))


def test_a_watch_gives_up_where_nobody_knows() -> None:
    """A server whose usage cannot be known is asked once only."""
    asked = []
    watch = UsageWatch(lambda: asked.append(1), every_s=0.001)  # type: ignore[func-returns-value]
    assert watch.usage() is None
    watch.hear("measuring")
    watch.stop()
    assert (len(asked), watch.readings) == (1, [])
