"""A worker process that is kept for many runs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from harness.errors import ConnectionFailedError, HarnessError, UsageError
from harness.load import Arrivals, LoadGenerator, ServerUsage
from harness.scratch import scratch_prefix

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(params=["grpc", "rest"])
def server(request: pytest.FixtureRequest) -> tuple[Any, Callable[..., Any]]:
    """An API and what starts a server of it; both echo the body."""
    return request.param, request.getfixturevalue({"grpc": "grpc_server", "rest": "http_server"}[request.param])


def test_each_run_has_its_own_samples(server: tuple[Any, Any], counter: Any) -> None:
    """Three runs of one process are three results; what each counts is what the server saw meanwhile."""
    api, start = server
    others = set(psutil.Process().children())
    with LoadGenerator(start(), [b"x" * 100], api=api, concurrency=4) as generator:
        (worker,) = set(psutil.Process().children()) - others
        for duration_s in (0.1, 0.2, 0.1):
            before = counter.n
            result = generator.run(duration_s=duration_s)
            assert (result.ended, result.errors) == ("completed", {})
            assert result.duration_s == pytest.approx(duration_s)
            assert counter.n - before - len(result.samples) in range(9)  # a lane may send once more, or twice
            assert result.n > 1
    assert not worker.is_running()


def test_warm_up_and_usage_are_of_the_run(grpc_server: Any) -> None:
    """What settles is left out, the phases are told, and the server is asked twice in each run."""
    usages = iter(ServerUsage(cpu_us=each, peak_memory_bytes=7) for each in (0, 1_000, 5_000, 9_000))
    phases: list[str] = []
    with LoadGenerator(grpc_server(), [b"x"]) as generator:
        results = [
            generator.run(duration_s=0.1, warmup_s=0.05, usage=lambda: next(usages), on_phase=phases.append)
            for _ in range(2)
        ]
    assert phases == ["warming", "measuring", "ended"] * 2
    assert all(each.warmup_s >= 0.05 and not each.steady for each in results)
    cost_us = [(each.server_cpu_us_per_request or 0) * len(each.samples) for each in results]
    assert cost_us == pytest.approx([1_000, 4_000])


def test_a_seed_is_a_schedule(grpc_server: Any) -> None:
    """In open loop requests leave at the same times with the same seed, at others with another."""

    def gaps_ns(seed: int) -> Any:
        return np.diff(generator.run(duration_s=0.2, seed=seed).samples.scheduled_ns)

    with LoadGenerator(grpc_server(), [b"x"], arrivals=Arrivals(rate_per_s=200)) as generator:
        first, again, other = gaps_ns(1), gaps_ns(1), gaps_ns(2)
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_a_server_that_is_gone_is_told_in_each_run(closed_address: str) -> None:
    """Nothing listens: an error that says so, and the generator is still of use."""
    from harness.endpoint import Endpoint

    with LoadGenerator(Endpoint(grpc=closed_address, rest=None, model="m"), [b"x"]) as generator:
        for _ in range(2):
            with pytest.raises(ConnectionFailedError, match=closed_address):
                generator.run(duration_s=0.1)


def test_what_makes_no_sense_is_refused(grpc_server: Any) -> None:
    """Bad arguments are refused before there is a process, bad times before the run."""
    others = psutil.Process().children()
    with pytest.raises(UsageError, match="concurrency must be at least 1"):
        LoadGenerator(grpc_server(), [b"x"], concurrency=0)
    assert psutil.Process().children() == others
    with (
        LoadGenerator(grpc_server(), [b"x"]) as generator,
        pytest.raises(UsageError, match="duration_s must lie between"),
    ):
        generator.run(duration_s=0)


def test_a_worker_that_was_killed_is_told(grpc_server: Any) -> None:
    """The next run after it says that the process is gone."""
    others = set(psutil.Process().children())
    with LoadGenerator(grpc_server(), [b"x"]) as generator:
        (worker,) = set(psutil.Process().children()) - others
        worker.kill()
        with pytest.raises(HarnessError, match="load worker was killed"):
            generator.run(duration_s=0.1)


def test_closed_it_leaves_nothing(grpc_server: Any) -> None:
    """Its directory is gone, closing again does nothing, and a run says what is wrong."""
    from pathlib import Path

    prefix = Path(scratch_prefix())
    before = set(prefix.parent.glob(f"{prefix.name}*"))
    generator = LoadGenerator(grpc_server(), [b"x"])
    assert set(prefix.parent.glob(f"{prefix.name}*")) > before
    generator.close()
    generator.close()
    assert set(prefix.parent.glob(f"{prefix.name}*")) == before
    with pytest.raises(UsageError, match="was closed"):
        generator.run(duration_s=0.1)


def test_it_does_not_outlive_its_parent(grpc_server: Any, tmp_path: Path) -> None:
    """When the process that asked for the load is killed, the worker ends by itself, between runs and within one."""
    code = """
        import sys
        sys.path[:] = {paths!r}
        from harness.endpoint import Endpoint
        from harness.load import LoadGenerator
        with LoadGenerator(Endpoint(grpc={target!r}, rest=None, model="m"), [b"x"]) as generator:
            print("standing by", flush=True)
            input()
            generator.run(duration_s=600, on_phase=lambda phase: print(phase, flush=True))
    """
    code = textwrap.dedent(code).format(paths=sys.path, target=grpc_server().grpc)
    environment = {"TMPDIR": str(tmp_path), "PATH": ""}
    for words in ([b"standing by\n"], [b"standing by\n", b"measuring\n"]):
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        ) as parent:
            assert parent.stdout
            assert parent.stdin
            for word in words:
                assert parent.stdout.readline() == word
                if len(words) > 1 and word == words[0]:
                    parent.stdin.write(b"\n")
                    parent.stdin.flush()
            workers = psutil.Process(parent.pid).children()
            parent.kill()
            assert len(workers) == 1
            gone, alive = psutil.wait_procs(workers, timeout=30)
        assert (len(gone), alive) == (1, [])
