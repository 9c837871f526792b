"""Both servers side by side: who runs when, what is kept, and when it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import CheckError, ConnectionFailedError
from harness.gate import contestant as contestant_module
from harness.gate.arena import Arena
from harness.gate.contestant import BlockLoad, CandidateFailsError
from harness.load import Arrivals, EncodedRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from harness.load import LoadResult

WHOLE = {"block_s": 0.5, "settle_s": 0.2}  # too short to be cut


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


class FakeMachine:
    """A machine that loses so much of its time, in turn from the one and from the other turn on it."""

    def __init__(self, shares: list[float]) -> None:
        """Take the shares; the last one stays."""
        self._shares = shares

    def begin(self) -> None:
        """Notice nothing."""

    def used(self) -> tuple[float, float]:
        """Return a second of time, and what of it was stolen."""
        return 1.0, self._shares.pop(0) if len(self._shares) > 1 else self._shares[0]


@pytest.fixture
def events() -> list[str]:
    """What was done with the servers, in order."""
    return []


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, events: list[str], load_result: Any) -> Callable[..., Arena]:
    """A function that makes an arena of fake servers whose load runs yield what ``results`` says, by name."""

    def made(
        results: Callable[[str], LoadResult] = lambda _name: load_result(),
        steal: tuple[float, ...] = (0.0,),
        **load: Any,
    ) -> Arena:
        machine = FakeMachine(list(steal))

        class FakeGenerator:
            def __init__(self, endpoint: str, *_: Any, **__: Any) -> None:
                self.endpoint = endpoint

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                events.append(f"close {self.endpoint}")

            def run(self, *, duration_s: float, on_phase: Callable[[str], None], **options: Any) -> LoadResult:
                events.append(f"load {self.endpoint}")
                seen.append({"duration_s": duration_s, **options})
                on_phase("measuring")
                return results(self.endpoint)

        seen: list[dict[str, Any]] = []
        monkeypatch.setattr(contestant_module, "LoadGenerator", FakeGenerator)
        monkeypatch.setattr(contestant_module, "MachineTime", lambda: machine)
        sides: list[Any] = [
            SimpleNamespace(start=lambda name=name: (FakeServer(name, events), 1.5)) for name in ("a", "b")
        ]
        request = EncodedRequest(body=b"", method="/m")
        arena = Arena(*sides, BlockLoad(requests=(request,), **load), load_seconds=lambda _: 0.2)
        arena.seen = seen  # type: ignore[attr-defined] # for the tests
        return arena

    return made


def _loads(events: list[str]) -> str:
    return "".join(event[-1] for event in events if event.startswith("load"))


def test_only_the_measured_side_runs(make: Any, events: list[str]) -> None:
    """Both are warmed up; then each is resumed for its turn and paused after it; at the end both must end."""
    with make(**WHOLE) as arena:
        arena(2, 1)
    assert events[:4] == ["start a", "pause a", "start b", "pause b"]
    warm = [event for name in "ab" for event in [f"resume {name}", f"load {name}", f"pause {name}"] * 2]
    asked = [[f"resume {name}", f"pause {name}"] for name in "ab"]
    assert events[4:20] == [*warm[:6], *asked[0], *warm[6:], *asked[1]]
    assert events[20:32] == [f"{done} {name}" for name in "abba" for done in ("resume", "load", "pause")]
    assert events[32:] == [f"{done} {name}" for name in "ba" for done in ("close", "resume", "stop")]


def test_a_pair_is_measured_in_slices(make: Any, events: list[str], load_result: Any) -> None:
    """Blocks of 3.2 s are 16 slices of 0.2 s each, in turn; each pair begins with the other side."""
    with make(lambda _: load_result(n=100)) as arena:
        measured = arena(2, 1)
    assert arena.slicing.count == 16
    order = _loads(events)[4:]
    assert order == "abba" * 8 + "baab" * 8
    assert {each["duration_s"] for each in arena.seen[4:]} == {0.2}
    assert {each["settle_s" if "settle_s" in each else "warmup_s"] for each in arena.seen[4:]} == {0.05}
    first = measured.blocks[0]
    assert (len(measured.blocks), len(first.halves), len(first.samples_ns)) == (4, 2, 1_600)
    assert first.values["rate_per_s"] == pytest.approx(100.0)
    assert "p99_ns" in first.values  # of all slices together


def test_slow_models_get_longer_slices(make: Any, load_result: Any) -> None:
    """Where an answer takes 50 ms a slice takes 0.8 s; where it takes a second blocks are not cut."""
    for latency_ms, count in ((50, 4), (1_000, 1)):
        with make(lambda _, ms=latency_ms: load_result(latency_ns=ms * 1_000_000)) as arena:
            arena(1, 1)
        assert arena.slicing.count == count


def test_both_sides_meet_the_same_schedules(make: Any, load_result: Any) -> None:
    """In open loop each slice of a side has arrivals of its own, and the other side's has the same."""
    arrivals = Arrivals(rate_per_s=100, seed=7)
    with make(lambda _: load_result(n=100, arrivals=arrivals), arrivals=arrivals) as arena:
        arena(2, 1)
    seeds = [each["seed"] for each in arena.seen[4:]]
    assert sorted(seeds) == sorted([*range(7, 39), *range(7, 39)])
    assert seeds[:4] == [7, 7, 8, 8]


def test_starts_alternate_and_share_the_pairs(make: Any, events: list[str]) -> None:
    """Seven pairs over three starts are 3, 2 and 2; the side that starts first changes; each start has its values."""
    with make(**WHOLE) as arena:
        measured = arena(7, 3)
        more = arena(2, 0)
    assert [event for event in events if event.startswith("start")] == ["start " + name for name in "abbaab"]
    assert [block.start for block in measured.blocks[::2]] == [1, 1, 1, 2, 2, 3, 3]
    assert measured.candidate_starts == {"load_s": [0.2] * 3, "memory_bytes": [1_000.0] * 3, "ready_s": [1.5] * 3}
    assert [block.side for block in more.blocks] == ["candidate", "baseline", "baseline", "candidate"]
    assert more.baseline_starts == {}
    assert (arena.pairs, arena.restarts) == (9, 3)


def test_a_disturbed_pair_is_measured_again(make: Any, events: list[str]) -> None:
    """Where the machine's time is stolen from a whole block, the pair is tried three times; then it stands, void."""
    with make(steal=(0.05,), **WHOLE) as arena:
        measured = arena(1, 1)
    assert len(_loads(events)[4:]) == 6
    assert len(measured.blocks) == 2
    assert "stolen" in measured.blocks[0].void
    assert list(arena.voided.values()) == [3]


@pytest.mark.parametrize(
    ("steal", "tries"), [((0.2,), 1), ((0.0,) * 4 + (0.0, 0.2, 0.2, 0.0) * 8 + (0.0,), 2)], ids=["even", "uneven"]
)
def test_in_slices_uneven_theft_disturbs(make: Any, events: list[str], steal: tuple[float, ...], tries: int) -> None:
    """What is stolen from both sides alike does not matter; a pair of which one side lost more is measured again."""
    with make(steal=steal) as arena:
        measured = arena(1, 1)
    assert len(_loads(events)[4:]) == 32 * tries
    assert not measured.blocks[0].void
    assert sum(arena.voided.values()) == tries - 1


@pytest.mark.parametrize(
    ("side", "kind"), [("b", CandidateFailsError), ("a", CheckError)], ids=["candidate", "baseline"]
)
def test_errors_end_it(make: Any, events: list[str], load_result: Any, side: str, kind: type[Exception]) -> None:
    """Failing requests of the candidate are its fault, those of the baseline make the gate impossible."""
    failing = load_result(status=14, messages={"UNAVAILABLE": "no"})
    arena = make(lambda name: failing if name == side else load_result())
    with pytest.raises(kind, match="600 UNAVAILABLE of 600 requests failed; the first: UNAVAILABLE: no"), arena:
        arena(1, 1)
    assert {"stop a", "stop b"} <= set(events)


@pytest.mark.parametrize("refuses", [False, True], ids=["while it is asked", "between turns"])
def test_a_server_that_ends_is_told(make: Any, load_result: Any, refuses: bool) -> None:  # noqa: FBT001
    """A candidate whose process is gone is told to have ended, not to have failed requests, or not to listen."""

    def end(name: str) -> LoadResult:
        if name == "a":
            return load_result()
        arena._contestants["candidate"].server.is_running = False
        if refuses:
            raise ConnectionFailedError("nothing listens", target="t", api="grpc", request="load")
        return load_result(ended="server gone", reason="connection refused")

    arena = make(end)
    with pytest.raises(CandidateFailsError, match="its server ended under load: killed"), arena:
        arena(1, 1)


def test_ctrl_c_passes_through(make: Any, events: list[str]) -> None:
    """An interruption ends the gate, and both servers with it."""

    def press(_: str) -> LoadResult:
        raise KeyboardInterrupt

    arena = make(press)
    with pytest.raises(KeyboardInterrupt), arena:
        arena(1, 1)
    assert {"stop a", "close a", "stop b", "close b"} <= set(events)


def test_a_generator_that_does_not_start_leaves_no_server(
    make: Any, events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the load cannot be made, the server that was started for it is stopped."""

    def broken(*_: Any, **__: Any) -> None:
        raise CheckError("broken")

    arena = make()
    monkeypatch.setattr(contestant_module, "LoadGenerator", broken)
    with pytest.raises(CheckError), arena:
        arena(1, 1)
    assert events == ["start a", "resume a", "stop a"]
