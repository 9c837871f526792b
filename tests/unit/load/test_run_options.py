"""What a run can be asked for besides a number of requests in flight: several processes, servers, orders, pauses."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.endpoint import Endpoint
from harness.errors import UsageError
from harness.load import Answer, Arrivals, run_load
from harness.load.order import order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.load.session import Session

    Run = Callable[..., Session]

APIS = ["grpc", "rest"]
_SERVERS = {"grpc": "grpc_server", "rest": "http_server"}


def _body(api: str, words: Sequence[Any]) -> Any:
    """Return what a server's ``answer`` is to return for an echo."""
    return words[0] if api == "grpc" else (200, words[1])


@pytest.fixture(params=APIS)
def server(request: pytest.FixtureRequest) -> tuple[Any, Callable[..., Endpoint], Callable[..., str]]:
    """An API, what starts a server of it, and the same but returning its address alone."""
    start = request.getfixturevalue(_SERVERS[request.param])

    def address(*words: Any) -> str:
        endpoint = start(*words)
        return str(endpoint.grpc or endpoint.rest.removeprefix("http://"))

    return request.param, start, address


def test_several_processes_measure_together(server: Any, counter: Any) -> None:
    """Two workers share the requests in flight, begin and measure at the same time, and their samples are one table."""
    api, start, _ = server
    phases: list[str] = []
    result = run_load(
        start(),
        [b"x" * 10],
        api=api,
        processes=2,
        concurrency=5,
        duration_s=0.4,
        warmup_s=0.3,
        keep_answers=20,
        on_phase=phases.append,
    )
    assert (result.ended, result.errors, result.processes) == ("completed", {}, 2)
    assert phases == ["warming", "measuring", "ended"]
    assert 0 < len(result.samples) < counter.n
    assert result.duration_s == pytest.approx(0.4)
    span_ns = int(result.samples.scheduled_ns.max() - result.samples.scheduled_ns.min())
    assert span_ns < 400_000_000
    assert 0 < len(result.answers) <= 20
    assert set(result.answers) == {Answer(request=0, body=b"x" * 10)}
    assert result.generator_cpu_us_per_request is not None
    assert result.generator_cpu_us_per_request > 0


def test_several_processes_keep_one_schedule(server: Any) -> None:
    """Dealt out among three workers, arrivals at 300 a second are one each 3.3 ms, as from one."""
    api, start, _ = server
    arrivals = Arrivals(rate_per_s=300, shape="constant")
    options: dict[str, Any] = {"duration_s": 0.3, "warmup_s": 0.0, "concurrency": 3}
    result = run_load(start(), [b"x"], api=api, processes=3, arrivals=arrivals, **options)
    assert (result.ended, result.errors) == ("completed", {})
    gaps = np.diff(np.sort(result.samples.scheduled_ns))
    assert len(result.samples) == pytest.approx(90, abs=1)
    assert set(gaps.tolist()) <= {3_333_333, 3_333_334}


def test_a_number_of_requests_is_shared_among_processes(grpc_server: Any) -> None:
    """31 requests from two workers are 31 samples."""
    options: dict[str, Any] = {"duration_s": 60.0, "warmup_s": 0.0, "concurrency": 2}
    result = run_load(grpc_server(), [b"x"], processes=2, most_requests=31, **options)
    assert (result.ended, len(result.samples)) == ("completed", 31)


def test_what_ends_one_process_ends_all(grpc_server: Any, counter: Any) -> None:
    """Stopped from outside, or by Ctrl-C, no worker goes on by itself; what all measured is kept."""

    def on_phase(phase: str) -> None:
        if phase == "measuring":
            counter.wait_for_more(20)
            raise KeyboardInterrupt

    options: dict[str, Any] = {"duration_s": 60.0, "warmup_s": 0.0, "concurrency": 2}
    result = run_load(grpc_server(), [b"x"], processes=2, on_phase=on_phase, **options)
    assert result.ended == "interrupted"
    assert 0 < result.duration_s < 60
    assert result.n > 0


def test_several_servers_are_asked_in_turn(server: Any, run_here: Run) -> None:
    """Of three servers each gets a share of the requests, with fewer requests in flight on each than in all."""
    api, _, address = server
    counts = [0, 0, 0]
    lock = threading.Lock()

    def counting(number: int) -> Callable[..., Any]:
        def answer(_number: int, *words: Any) -> Any:
            with lock:
                counts[number] += 1
            return _body(api, words)

        return answer

    addresses = [address(counting(number)) for number in range(3)]
    session = run_here(api, *addresses, duration_s=30, most_requests=120, concurrency=6)
    assert (session.ended, session.samples().errors) == ("completed", {})
    assert min(counts) >= 10
    assert sum(counts) >= 120


def test_a_schedule_is_dealt_out_among_servers(server: Any, run_here: Run) -> None:
    """In open loop, too, one request after the other goes to the next server."""
    api, _, address = server
    counts = [0, 0]

    def counting(number: int) -> Callable[..., Any]:
        def answer(_number: int, *words: Any) -> Any:
            counts[number] += 1  # one request at a time, at this rate
            return _body(api, words)

        return answer

    addresses = [address(counting(number)) for number in range(2)]
    arrivals = Arrivals(rate_per_s=100, shape="constant")
    session = run_here(api, *addresses, arrivals=arrivals, duration_s=0.3, concurrency=2)
    assert session.samples().errors == {}
    assert min(counts) >= 8  # not always half of them: a busy connection is passed over


def test_a_run_does_not_begin_without_one_of_its_servers(server: Any, run_here: Run, closed_address: str) -> None:
    """An address at which nothing listens from the start is likely a wrong one; the reason names it."""
    api, _, address = server
    session = run_here(api, address(), closed_address, duration_s=30)
    assert (session.ended, session.began_ns) == ("server gone", 0)
    assert closed_address in session.reason


def test_lanes_think_between_an_answer_and_the_next_request(server: Any, run_here: Run) -> None:
    """Two lanes with 60 ms to think send two requests, and the next ones no earlier than 60 ms after an answer."""
    api, _, address = server
    session = run_here(api, address(), concurrency=2, think_s=0.06, duration_s=0.3)
    samples = session.samples()
    assert samples.errors == {}
    assert 4 <= len(samples) <= 10
    for early, late in itertools.pairwise(range(0, len(samples) - 1, 2)):
        first_answer_ns = int(samples.done_ns[early : early + 2].min())
        assert int(samples.sent_ns[late]) >= first_answer_ns + 60_000_000
    np.testing.assert_array_equal(samples.sent_ns, samples.scheduled_ns)


@pytest.mark.parametrize("seed", [None, 5])
def test_requests_are_sent_in_their_order_or_in_a_drawn_one(server: Any, run_here: Run, seed: int | None) -> None:
    """What the server sees, one after the other, is the order of the pool, or that of the seed."""
    api, _, address = server
    seen: list[int] = []

    def answer(_number: int, *words: Any) -> Any:
        body = words[0] if api == "grpc" else words[1]
        seen.append(body[0])
        return _body(api, words)

    bodies = [bytes([number]) for number in range(8)]
    options: dict[str, Any] = {"concurrency": 1, "duration_s": 30, "most_requests": 24, "shuffle_seed": seed}
    run_here(api, address(answer), bodies=bodies, **options)
    assert seen[:24] == list(itertools.islice(order(8, seed=seed), 24))


def test_kept_answers_are_those_of_their_requests(server: Any, run_here: Run) -> None:
    """Answers large and small, whole or in pieces, come back with the number of what was asked."""
    api, _, address = server
    bodies = [b"a", b"b" * 200_000, b"", b"d" * 3]
    session = run_here(api, address(), bodies=bodies, duration_s=30, most_requests=60, keep_answers=200)
    assert session.samples().errors == {}
    assert session.keeper is not None
    assert len(session.keeper.kept) >= 60
    assert {answer.request for answer in session.keeper.kept} == {0, 1, 2, 3}
    assert all(answer.body == bodies[answer.request] for answer in session.keeper.kept)


def test_failed_answers_are_not_kept(http_server: Any, run_here: Run) -> None:
    """An error is counted; nothing is to be compared with it."""
    address = http_server(lambda number, _path, body: (500 if number % 2 else 200, body)).rest.removeprefix("http://")
    session = run_here("rest", address, duration_s=30, most_requests=40, keep_answers=100, concurrency=1)
    assert session.keeper is not None
    assert session.samples().errors == {"HTTP 500": 20}
    assert len(session.keeper.kept) == pytest.approx(20, abs=1)


_ONE = Endpoint(grpc="127.0.0.1:1", rest="http://127.0.0.1:1", model="m")
_OTHER = Endpoint(grpc="127.0.0.1:2", rest="http://127.0.0.1:2", model="n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"endpoint": []}, "endpoint is an empty list"),
        ({"endpoint": [_ONE, _OTHER]}, "must name the same model"),
        ({"endpoint": [_ONE, _ONE], "concurrency": 1}, "concurrency=1 is too little for 1 processes and 2 endpoints"),
        ({"processes": 0}, "processes must be at least 1"),
        ({"processes": 3, "concurrency": 2}, "too little for 3 processes"),
        ({"processes": 3, "concurrency": 3, "most_requests": 2}, "most_requests=2 is too little for 3 processes"),
        ({"think_s": -1}, "think_s must lie between 0 and"),
        ({"think_s": 1, "arrivals": Arrivals(rate_per_s=1)}, "think_s is for closed loops"),
        ({"keep_answers": -1}, "keep_answers must be 0 or more"),
        ({"most_requests": 0}, "most_requests must be at least 1"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], message: str) -> None:
    """Each is refused before any process starts, with its name."""
    endpoint = options.pop("endpoint", _ONE)
    with pytest.raises(UsageError, match=message):
        run_load(endpoint, [b"x"], **options)
