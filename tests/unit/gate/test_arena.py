"""Both servers side by side: who runs when, what is kept, and when it ends."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.errors import CheckError
from harness.gate import arena as arena_module
from harness.gate.arena import Arena, BlockLoad, CandidateFailsError
from harness.load import EncodedRequest, LoadResult, Samples

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeServer:
    """A server that only remembers what was done with it."""

    def __init__(self, name: str, events: list[str]) -> None:
        """Begin running."""
        self.name, self.events, self.endpoint = name, events, name
        self.is_running = True
        self.engine = SimpleNamespace(exit_text=lambda: "killed")
        self.events.append(f"start {name}")

    def __getattr__(self, done: str) -> Callable[[], None]:
        """Remember ``pause``, ``resume`` and ``stop``."""
        if done not in ("pause", "resume", "stop"):
            raise AttributeError(done)
        return lambda: self.events.append(f"{done} {self.name}")

    def cpu_time_us(self) -> int:
        """Return nothing of interest: the load is not real."""
        return 0

    def peak_memory_bytes(self) -> int:
        """Return the same always."""
        return 1_000


def _result(latency_ns: int = 1_000_000, status: int = 0, **more: Any) -> LoadResult:
    n = 600
    sent = np.arange(n) * 1_000
    samples = Samples(
        scheduled_ns=sent, sent_ns=sent, done_ns=sent + latency_ns, status=np.full(n, status), response_bytes=np.ones(n)
    )
    given: dict[str, Any] = {
        "model": "m",
        "api": "grpc",
        "engine": "fake",
        "target": "t",
        "concurrency": 4,
        "payload_bytes": 1,
        "samples": samples,
        "duration_s": 1.0,
        "warmup_s": 0.0,
        "steady": True,
        "server_cpu_us_per_request": 400.0,
    }
    return LoadResult(**given | more)


@pytest.fixture
def events() -> list[str]:
    """What was done with the servers, in order."""
    return []


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, events: list[str]) -> Callable[..., Arena]:
    """A function that makes an arena of fake servers whose load runs yield what ``results`` says, by name."""

    def made(results: Callable[[str], LoadResult] = lambda _name: _result(), steal: float = 0.0) -> Arena:
        def load(endpoint: str, *_: Any, on_phase: Callable[[str], None], **__: Any) -> LoadResult:
            events.append(f"load {endpoint}")
            on_phase("measuring")
            return results(endpoint)

        monkeypatch.setattr(arena_module, "run_load", load)
        monkeypatch.setattr(arena_module.MachineTime, "steal_share", lambda _self: steal)
        sides: list[Any] = [
            SimpleNamespace(start=lambda name=name: (FakeServer(name, events), 1.5)) for name in ("a", "b")
        ]
        return Arena(*sides, BlockLoad(requests=(EncodedRequest(body=b"", method="/m"),)), load_seconds=lambda _: 0.2)

    return made


def test_only_the_measured_side_runs(make: Any, events: list[str]) -> None:
    """Each side is resumed for its block and paused after it; at the end both are resumed, for they must end."""
    with make() as arena:
        arena(2, 1)
    assert events[:4] == ["start a", "pause a", "start b", "pause b"]
    assert events[4:16] == [f"{done} {name}" for name in "abba" for done in ("resume", "load", "pause")]
    assert sorted(events[16:]) == ["resume a", "resume b", "stop a", "stop b"]


def test_starts_alternate_and_share_the_pairs(make: Any, events: list[str]) -> None:
    """Seven pairs over three starts are 3, 2 and 2; the side that starts first changes; each start has its values."""
    with make() as arena:
        measured = arena(7, 3)
        more = arena(2, 0)
    assert [event for event in events if event.startswith("start")] == ["start " + name for name in "abbaab"]
    assert [block.start for block in measured.blocks[::2]] == [1, 1, 1, 2, 2, 3, 3]
    assert measured.candidate_starts == {"load_s": [0.2] * 3, "memory_bytes": [1_000.0] * 3, "ready_s": [1.5] * 3}
    assert [block.side for block in more.blocks] == ["candidate", "baseline", "baseline", "candidate"]
    assert more.baseline_starts == {}
    assert (arena.pairs, arena.restarts) == (9, 3)


def test_a_block_has_the_metrics_that_are_known(make: Any) -> None:
    """Processor time, rate, median and, with enough samples, p99; in open loop no rate."""
    with make() as arena:
        values = arena(1, 1).blocks[0].values
    assert values == {"cpu_us": 400.0, "rate_per_s": 600.0, "p50_ns": 1e6, "p99_ns": 1e6}
    few = Samples(
        **{
            name: getattr(_result().samples, name)[:100]
            for name in ("scheduled_ns", "sent_ns", "done_ns", "status", "response_bytes")
        }
    )
    with make(lambda _: replace(_result(), samples=few, server_cpu_us_per_request=None)) as arena:
        assert set(arena(1, 1).blocks[0].values) == {"rate_per_s", "p50_ns"}


def test_a_disturbed_pair_is_measured_again(make: Any, events: list[str]) -> None:
    """Where the machine's time is stolen a pair is tried three times; then it stands, and is marked void."""
    with make(steal=0.05) as arena:
        measured = arena(1, 1)
    assert sum(event.startswith("load") for event in events) == 6
    assert len(measured.blocks) == 2
    assert "stolen" in measured.blocks[0].void
    assert list(arena.voided.values()) == [3]


@pytest.mark.parametrize(
    ("side", "kind"), [("b", CandidateFailsError), ("a", CheckError)], ids=["candidate", "baseline"]
)
def test_errors_end_it(make: Any, events: list[str], side: str, kind: type[Exception]) -> None:
    """Failing requests of the candidate are its fault, those of the baseline make the gate impossible."""
    failing = _result(status=14, messages={"UNAVAILABLE": "no"})
    arena = make(lambda name: failing if name == side else _result())
    with pytest.raises(kind, match="600 UNAVAILABLE of 600 requests failed; the first: UNAVAILABLE: no"), arena:
        arena(1, 1)
    assert {"stop a", "stop b"} <= set(events)


def test_a_server_that_ends_is_told(make: Any) -> None:
    """A candidate whose process is gone is told to have ended, not to have failed requests."""

    def end(name: str) -> LoadResult:
        if name == "b":
            arena._servers["candidate"].is_running = False
            return _result(ended="server gone", reason="connection refused")
        return _result()

    arena = make(end)
    with pytest.raises(CandidateFailsError, match="its server ended under load: killed"), arena:
        arena(1, 1)


def test_ctrl_c_passes_through(make: Any, events: list[str]) -> None:
    """A load run that was interrupted ends the gate, and both servers with it."""
    arena = make(lambda _: _result(ended="interrupted"))
    with pytest.raises(KeyboardInterrupt), arena:
        arena(1, 1)
    assert {"stop a", "stop b"} <= set(events)
