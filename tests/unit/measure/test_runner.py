"""Runs and their rows, against a server of a few lines."""

from __future__ import annotations

from concurrent import futures
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from fixtures.load_results import POOL, made_result
from harness.endpoint import Endpoint
from harness.load import Answer, Arrivals, Samples, ServerUsage
from harness.measure import Verification
from harness.measure import runner as runners
from harness.measure.runner import Load, Runner, RunSettings, label_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUICK = RunSettings(duration_s=0.3, warmup_s=0.0)


@pytest.fixture(scope="module")
def echo() -> Iterator[Endpoint]:
    """A gRPC server that answers with what it was sent."""

    class AnyMethod(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
        def service(self, _details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(lambda body, _context: body)

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((AnyMethod(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield Endpoint(grpc=f"127.0.0.1:{port}", rest=None, model="m")
    server.stop(None).wait()


class _Told:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def expect(self, runs: int) -> None:
        self.words.append(f"expect {runs}")

    def begin(self, run: str, *, warmup_s: float, duration_s: float | None) -> None:
        self.words.append(f"{run} for {warmup_s} and {duration_s}")

    def phase(self, name: str) -> None:
        self.words.append(name)

    def end(self, outcome: str) -> None:
        self.words.append(outcome.partition(",")[0])


def test_a_run_becomes_a_row_with_all_that_is_known(echo: Endpoint, tmp_path: Path) -> None:
    """Schedule, lag, requests, slices, the server's share and the generator's cost; samples lie in a file."""
    used = iter(range(0, 10**9, 1000))
    told = _Told()
    runner = Runner(
        endpoints=(echo,),
        usage=lambda: ServerUsage(cpu_us=next(used), peak_memory_bytes=7),
        settings=QUICK,
        progress=told,
        samples=tmp_path,
    )
    found = runner.run(POOL, Load(arrivals=Arrivals(rate_per_s=100.0, shape="constant")))
    row = found.row
    assert (row.loop, row.arrivals, row.asked_rate_per_s, row.requests) == ("open", "constant", 100.0, "made up")
    assert (row.n, row.ended, row.batch_size, row.method) == (30, "completed", 1, "predict")
    assert row.server_peak_memory_bytes == 7
    assert row.server_cpu_us_per_request is not None
    assert row.generator_cpu_us_per_request is not None
    assert sum(window.n for window in row.windows) == 30
    assert any(window.server_cpu_share is not None for window in row.windows)
    assert len(Samples.load(tmp_path / "grpc-batch-1-3-b-100-s-constant.npz")) == 30
    assert told.words[0] == "grpc, batch 1, 3 B, 100/s constant for 0.0 and 0.3"
    assert told.words[-2:] == ["ended", "100/s"]


def test_a_run_can_be_one_of_several_endpoints_and_count(echo: Endpoint) -> None:
    """A number of requests ends it; nobody then knows how long it takes."""
    told = _Told()
    settings = replace(QUICK, duration_s=60.0, most_requests=40)
    runner = Runner(endpoints=(echo, echo), settings=settings, progress=told)
    row = runner.run(POOL, Load(concurrency=2)).row
    assert (row.n, row.concurrency, row.arrivals) == (40, 2, "")
    assert told.words[0] == "grpc, batch 1, 3 B, 2 in flight for 0.0 and None"


def test_kept_answers_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the comparison of a run's answers finds is in its row."""
    answers = (Answer(request=0, body=b"abc"),)
    monkeypatch.setattr(runners, "run_load", lambda *_args, **_options: made_result([1.0] * 9, answers=answers))
    runner = Runner(
        endpoints=(Endpoint(grpc="127.0.0.1:1", rest=None, model="m"),),
        settings=replace(QUICK, keep_answers=9),
        verify=lambda pool, kept: Verification(compared=len(kept), wrong=1, text=f"wrong: {pool.source}"),
    )
    row = runner.run(POOL, Load()).row
    assert (row.answers_compared, row.answers_wrong, row.warnings) == (1, 1, ("wrong: made up",))


def test_a_late_generator_makes_a_void_row() -> None:
    """The row of an open loop has the lag, and is void where that is over a tenth of the median latency."""
    poisson = Arrivals(rate_per_s=500.0)
    good = made_result([10.0] * 500, lag_ms=0.5, arrivals=poisson).throughput()
    late = made_result([10.0] * 500, lag_ms=2.0, arrivals=poisson, ended="overrun").throughput()
    closed = made_result([10.0] * 500, lag_ms=2.0).throughput()
    assert (good.arrivals, good.lag_p99_ns, good.void, good.ended) == ("poisson", 0.5e6, False, "completed")
    assert (late.lag_p99_ns, late.void, late.ended) == (2e6, True, "overrun")
    assert (closed.arrivals, closed.lag_p99_ns, closed.void) == ("", None, False)


def test_labels_say_what_is_varied() -> None:
    """API, batch size, mean size of the requests, and the load."""
    ramp = Arrivals(rate_per_s=10.0, shape="ramp", end_rate_per_s=500.0, over_s=3.0)
    assert label_of(POOL, Load(concurrency=4)) == "grpc, batch 1, 3 B, 4 in flight"
    assert label_of(replace(POOL, batch_size=None), Load(arrivals=ramp)) == "grpc, predict, 3 B, 10.0/s to 500/s ramp"
