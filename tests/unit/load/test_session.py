from __future__ import annotations

from typing import Any

import pytest

from harness.load.session import Session, Timing

MS = 1_000_000


def _prepared(
    *, duration_ms: int = 1_000, warmup_ms: int = 0, together: bool = False, **timing: int
) -> tuple[Session, list[str]]:
    phases: list[str] = []
    timing = {"window_ns": 100 * MS, "window_requests": 4} | timing
    session = Session(
        Timing(duration_ns=duration_ms * MS, warmup_bound_ns=warmup_ms * MS, **timing),
        on_phase=phases.append,
        together=together,
    )
    return session, phases


def _session(**options: int) -> tuple[Session, list[str]]:
    session, phases = _prepared(**options)
    session.ready(0)
    return session, phases


def _add(session: Session, sent_ms: float, latency_ms: float, status: int = 0, message: str = "") -> None:
    sent_ns = int(sent_ms * MS)
    session.add(
        scheduled_ns=sent_ns,
        sent_ns=sent_ns,
        done_ns=sent_ns + int(latency_ms * MS),
        status=status,
        response_bytes=7,
        message=message,
    )


def _closed_loop(session: Session, latency_ms: float, until_ms: float, start_ms: float = 0) -> float:
    """Send one request after the other and return when the last was answered."""
    now_ms = start_ms
    while session.running and now_ms < until_ms:
        _add(session, now_ms, latency_ms)
        now_ms += latency_ms
    return now_ms


def test_without_warm_up_every_request_counts() -> None:
    """A bound of zero measures from the first request on."""
    session, phases = _session()
    _closed_loop(session, 10, until_ms=5_000)
    assert len(session.samples()) == 100
    assert phases == ["measuring", "ended"]
    assert not session.steady


def test_warm_up_ends_once_three_windows_agree() -> None:
    """Equal windows are steady after the third, and none of their requests is a sample."""
    session, phases = _session(warmup_ms=10_000)
    _closed_loop(session, 10, until_ms=20_000)
    assert session.steady
    assert session.start_ns == 300 * MS
    assert session.samples().sent_ns.min() == 300 * MS
    assert len(session.samples()) == 100
    assert phases == ["warming", "measuring", "ended"]


def test_warm_up_that_keeps_changing_ends_at_its_bound() -> None:
    """Latency that grows without end is measured all the same, as not steady."""
    session, _ = _session(warmup_ms=1_000)
    now_ms, latency_ms = 0.0, 5.0
    while session.phase == "warming":
        _add(session, now_ms, latency_ms)
        now_ms += latency_ms
        latency_ms *= 1.03
    assert not session.steady
    assert session.start_ns >= 1_000 * MS


def test_windows_of_a_slow_model_grow_to_hold_enough_answers() -> None:
    """At 80 ms a request a window takes four of them, not 100 ms."""
    session, _ = _session(warmup_ms=60_000)
    _closed_loop(session, 80, until_ms=2_000)
    assert session.steady
    assert session.start_ns == 3 * 4 * 80 * MS


def test_failures_do_not_make_a_warm_up_steady() -> None:
    """A server that only fails is never steady; the bound ends the warm-up."""
    session, _ = _session(warmup_ms=1_000)
    for sent_ms in range(0, 1_000, 10):
        _add(session, sent_ms, 10, status=14)
    assert session.phase == "measuring"
    assert not session.steady


def test_a_hanging_server_does_not_hold_the_warm_up() -> None:
    """Time alone, told by tick, ends warm-up and measurement."""
    session, phases = _session(duration_ms=500, warmup_ms=100)
    running = []
    for now_ms in (99, 100, 599, 600):
        session.tick(now_ms * MS)
        running.append(session.running)
    assert running == [True, True, True, False]
    assert phases == ["warming", "measuring", "ended"]


def test_requests_in_flight_at_the_end_count() -> None:
    """What was sent in time is a sample however late its answer; what was sent before or after is not."""
    session, _ = _session(duration_ms=100, warmup_ms=50)
    session.tick(50 * MS)
    _add(session, 49, 30)
    _add(session, 60, 30)
    _add(session, 140, 5_000)
    _add(session, 151, 1)
    assert session.samples().sent_ns.tolist() == [60 * MS, 140 * MS]


def test_the_number_sent_is_the_number_completed_per_time() -> None:
    """With eight in flight at 40 ms each, 200 are sent in a second: exactly the server's capacity."""
    session, _ = _session(duration_ms=1_000)
    for sent_ms in range(0, 1_200, 40):
        for _ in range(8):
            _add(session, sent_ms, 40)
    assert len(session.samples()) == 200


@pytest.mark.parametrize("ended", ["server gone", "interrupted"])
def test_stopping_keeps_what_was_measured(ended: Any) -> None:
    """An early end shortens the measured time and keeps its samples; the first reason stays."""
    session, phases = _session()
    _closed_loop(session, 10, until_ms=200)
    session.stop(ended, "because", 250 * MS)
    session.stop("server gone", "another", 300 * MS)
    assert (session.ended, session.reason, session.running) == (ended, "because", False)
    assert (session.start_ns, session.end_ns) == (0, 250 * MS)
    assert len(session.samples()) == 20
    assert phases == ["measuring", "ended"]


def test_stopping_a_warm_up_leaves_no_measured_time() -> None:
    """A run that ends in its warm-up has no sample and no duration."""
    session, _ = _session(warmup_ms=10_000)
    _closed_loop(session, 10, until_ms=50)
    session.stop("interrupted", "because", 60 * MS)
    assert (session.start_ns, session.end_ns, len(session.samples())) == (0, 0, 0)


def test_an_interruption_takes_effect_at_the_next_tick() -> None:
    """Another thread only asks; the engine's next tick ends the run."""
    session, _ = _session()
    session.interrupt()
    assert session.running
    session.tick(5 * MS)
    assert (session.running, session.ended) == (False, "interrupted")


def test_the_first_message_of_each_status_is_kept() -> None:
    """Later messages of the same status, and those of the warm-up, are not."""
    session, _ = _session()
    for status, message in ((5, "no model"), (5, "still none"), (404, "lost" * 1_000)):
        _add(session, 1, 1, status=status, message=message)
    assert session.messages["NOT_FOUND"] == "no model"
    assert len(session.messages["HTTP 404"]) == 1_000


def _rows(*times_ms: tuple[float, float]) -> list[tuple[int, int, int, int, int, str]]:
    return [(int(sent * MS), int(sent * MS), int(done * MS), 0, 7, "") for sent, done in times_ms]


def test_many_outcomes_at_once_are_as_one_after_the_other() -> None:
    """Warming up, measuring, at the turns and after the end, extend does what add does, row by row."""
    rows = [(sent, sent + 9.0) for sent in range(0, 1_400, 3)]
    whole, _ = _session(duration_ms=600, warmup_ms=10_000)
    single, _ = _session(duration_ms=600, warmup_ms=10_000)
    for start in range(0, len(rows), 7):
        whole.extend(_rows(*rows[start : start + 7]))
    for sent, done in rows:
        _add(single, sent, done - sent)
    assert whole.steady
    assert single.steady
    assert (whole.start_ns, whole.end_ns) == (single.start_ns, single.end_ns)
    assert whole.samples().scheduled_ns.tolist() == single.samples().scheduled_ns.tolist() != []


def test_a_number_of_requests_is_the_first_so_many_that_were_scheduled() -> None:
    """Slow ones among them are not left out for faster ones that came later; the measured time is theirs."""
    session, phases = _session(duration_ms=1_000, most_requests=3)
    session.extend(_rows((10, 20), (20, 30)))
    assert session.running
    session.extend(_rows((30, 40)))
    assert not session.running
    session.extend(_rows((0, 90), (40, 41), (15, 50)))
    assert session.samples().scheduled_ns.tolist() == [0, 10 * MS, 15 * MS]
    assert len(session.samples()) == 3
    assert (session.start_ns, session.end_ns) == (0, 20 * MS)
    assert phases == ["measuring", "ended"]


def test_fewer_requests_than_asked_end_with_the_time() -> None:
    """A number that is not reached changes nothing."""
    session, _ = _session(duration_ms=100, most_requests=50)
    session.extend(_rows((10, 20), (20, 130)))
    assert (session.running, len(session.samples()), session.end_ns) == (False, 2, 100 * MS)


def test_an_end_that_lies_back_takes_with_it_what_came_later() -> None:
    """A server found to be gone has been so for a while: the measured time ends when it went."""
    session, _ = _session()
    session.extend(_rows((10, 20), (60, 70), (90, 95)))
    session.stop("server gone", "because", 80 * MS)
    assert session.end_ns == 80 * MS
    assert session.samples().scheduled_ns.tolist() == [10 * MS, 60 * MS]


def test_a_run_that_was_stopped_before_it_began_does_not_begin() -> None:
    """Neither a late beginning nor a tick brings it back, and it has no time and no sample."""
    session, phases = _prepared()
    session.stop("server gone", "because", 5 * MS)
    session.ready(6 * MS)
    session.tick(7 * MS)
    assert (session.running, session.phase, phases) == (False, "ended", ["ended"])
    assert (session.began_ns, session.start_ns, session.end_ns, len(session.samples())) == (0, 0, 0, 0)


def test_an_interruption_ends_a_run_that_has_not_begun() -> None:
    """While connections are made, too, the next tick brings the end."""
    session, _ = _prepared()
    session.interrupt()
    session.tick(MS)
    assert (session.running, session.ended) == (False, "interrupted")


def test_sessions_that_are_together_begin_and_measure_when_they_are_told() -> None:
    """Ready and warm they say so and wait, going on to warm up; both times are as told, not as noticed."""
    session, phases = _prepared(warmup_ms=10_000, duration_ms=200, together=True)
    session.ready(0)
    session.tick(5 * MS)
    assert session.phase == "ready"
    session.begin_at(10 * MS)
    session.tick(9 * MS)
    assert session.phase == "ready"
    session.tick(12 * MS)
    assert (session.phase, session.began_ns) == ("warming", 10 * MS)
    _closed_loop(session, 10, until_ms=500, start_ms=10)
    assert (session.phase, session.steady) == ("warm", True)
    session.measure_at(555 * MS)
    _closed_loop(session, 10, until_ms=5_000, start_ms=510)
    assert (session.start_ns, session.end_ns) == (555 * MS, 755 * MS)
    assert session.samples().scheduled_ns.tolist() == [each * MS for each in range(560, 760, 10)][:20]
    assert phases == ["ready", "warming", "warm", "measuring", "ended"]


def test_together_without_a_warm_up_all_measure_from_their_beginning() -> None:
    """The common beginning is the beginning of the measured time."""
    session, phases = _prepared(together=True)
    session.ready(0)
    session.begin_at(10 * MS)
    session.tick(13 * MS)
    assert (session.start_ns, phases) == (10 * MS, ["ready", "measuring"])


def test_together_the_bound_of_the_warm_up_is_told_and_waited_at() -> None:
    """Not steady when its time is over, a session waits for the others all the same."""
    session, phases = _prepared(warmup_ms=100, together=True)
    session.ready(0)
    session.begin_at(0)
    for now_ms in (0, 100, 300):
        session.tick(now_ms * MS)
    assert (session.phase, session.steady, phases) == ("warm", False, ["ready", "warming", "warm"])
