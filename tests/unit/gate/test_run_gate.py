"""The whole gate on real servers: what is wrong fails at once, what is measured is told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.example_models import exported
from harness.errors import LayoutError, SignatureError, UsageError
from harness.gate.contender import Contender, default_name, prepared
from harness.gate.machine_time import MachineTime
from harness.gate.rounds import Plan
from harness.gate.run import GateOptions, run_gate

if TYPE_CHECKING:
    from harness.gate.blocks import Block

ROOT = Path(__file__).parents[3]


def _contender(path: Path, name: str = "half_plus_two") -> Contender:
    return Contender(path=path, name=name)


def test_two_versions_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions of a model are measured; every metric has a row, and nothing is left behind."""
    monkeypatch.setattr(MachineTime, "used", lambda _: (1.0, 0.0))  # so that none is measured again
    base_path, seen = exported("half_plus_two"), list[list["Block"]]()
    options = GateOptions(
        block_s=0.25,
        settle_s=0.05,
        plan=Plan(pairs=8, most_pairs=8, starts=1),  # two more than it takes, for a machine that stalls
        tolerances={"cpu_us": 9.0, "p50_ns": 9.0, "rate_per_s": 9.0, "p99_ns": 9.0},
    )
    outcome = run_gate(
        _contender(base_path / "1"),
        _contender(base_path / "2"),
        options,
        command=("gate", "it"),
        on_pair=lambda blocks: seen.append(list(blocks)),
        backend="standin",
    )
    gated = outcome.gated
    assert (gated.model, gated.api, gated.pairs, gated.restarts) == ("half_plus_two", "grpc", 8, 1)
    assert {row.metric for row in gated.metrics} >= {"cpu_us", "p50_ns", "rate_per_s", "memory_bytes", "ready_s"}
    assert gated.explanation[-1] == "Again: gate it"
    assert gated.correctness == ()
    assert len(outcome.blocks) == 16
    assert len(seen) == 8
    assert outcome.backend.name == "standin"


@pytest.mark.parametrize(("after", "rows"), [(6, True), (2, False)], ids=["enough to judge", "too few"])
def test_ctrl_c_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch, after: int, rows: bool) -> None:  # noqa: FBT001
    """Cut short it tells what there was, and is inconclusive whatever that was; its servers are gone."""
    monkeypatch.setattr(MachineTime, "used", lambda _: (1.0, 0.0))
    base_path, pairs = exported("half_plus_two"), list[object]()

    def press(blocks: object) -> None:
        pairs.append(blocks)
        if len(pairs) == after:
            raise KeyboardInterrupt

    options = GateOptions(block_s=0.1, settle_s=0.02, plan=Plan(pairs=12, most_pairs=12, starts=1))
    outcome = run_gate(
        _contender(base_path / "1"), _contender(base_path / "2"), options, on_pair=press, backend="standin"
    )
    assert outcome.interrupted
    assert (outcome.gated.verdict, len(outcome.blocks)) == ("inconclusive", 2 * after)
    assert bool(outcome.gated.metrics) is rows
    assert outcome.gated.explanation[0].startswith("INCONCLUSIVE: it was interrupted before it could be sure")


def test_ctrl_c_before_the_first_pair_is_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to tell, so it goes on its way."""

    def press(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.load.LoadGenerator.run", press)
    base_path = exported("half_plus_two")
    with pytest.raises(KeyboardInterrupt):
        run_gate(_contender(base_path / "1"), _contender(base_path / "2"), GateOptions(), backend="standin")


def test_blocks_are_measured_in_slices() -> None:
    """A fast model's sides take turns several times within a pair, over both APIs; what it costs is known in each."""
    base_path = exported("half_plus_two")
    for api in ("grpc", "rest"):
        options = GateOptions(
            api=api, block_s=0.8, settle_s=0.1, slice_s=0.1, plan=Plan(pairs=1, most_pairs=1, starts=1)
        )
        outcome = run_gate(_contender(base_path / "1"), _contender(base_path / "2"), options, backend="standin")
        for block in outcome.blocks:
            assert [set(half) >= {"cpu_us", "p50_ns", "rate_per_s"} for half in block.halves] == [True, True]


def test_broken_signatures_fail_without_a_measurement() -> None:
    """A candidate with other inputs is a regression, said before a single block was measured."""
    outcome = run_gate(
        _contender(exported("half_plus_two"), "m"),
        _contender(exported("digits"), "m"),
        GateOptions(),
        backend="standin",
    )
    assert outcome.gated.verdict == "regressed"
    assert (outcome.gated.pairs, outcome.gated.metrics) == (0, ())
    assert any("signatures break callers" in line for line in outcome.gated.correctness)
    assert outcome.gated.explanation[0].startswith("REGRESSED: the signatures break callers")


def test_changed_goldens_fail_whatever_the_speed() -> None:
    """A candidate that answers otherwise than it was recorded is a regression, and the finding is kept."""
    base_path = exported("half_plus_two")
    options = GateOptions(goldens=ROOT / "goldens" / "half_plus_two")
    outcome = run_gate(_contender(base_path), _contender(base_path / "1"), options, backend="standin")
    assert outcome.gated.verdict == "regressed"
    assert any(line.startswith("goldens: ") for line in outcome.gated.correctness)
    assert any(finding.check == "goldens" and finding.fails for finding in outcome.findings)


def test_a_signature_nobody_has_is_refused() -> None:
    """A signature that is not there cannot be measured: an error, not a verdict."""
    base_path = exported("half_plus_two")
    with pytest.raises(SignatureError, match="the model has no signature 'nobody'"):
        run_gate(_contender(base_path), _contender(base_path), GateOptions(signature="nobody"), backend="standin")


def test_paths_are_looked_over_first(tmp_path: Path) -> None:
    """A path that no server could serve is refused before anything starts, whichever side it is."""
    good, bad = _contender(exported("half_plus_two")), _contender(tmp_path / "nothing")
    for pair in ((good, bad), (bad, good)):
        with pytest.raises(LayoutError, match="nothing"), prepared(*pair, backend="standin"):
            pass


def test_sides_must_run_on_one_backend(tmp_path: Path) -> None:
    """A binary against the stand-in is refused: their numbers say nothing about the model."""
    binary = tmp_path / "tensorflow_model_server"
    shutil.copy("/bin/true", binary)
    base_path = _contender(exported("half_plus_two"))
    with (
        pytest.raises(UsageError, match="the baseline would run on backend binary, the candidate on"),
        prepared(replace(base_path, binary=str(binary)), base_path),
    ):
        pass


@pytest.mark.parametrize(("path", "name"), [("build/digits", "digits"), ("build/digits/2", "digits"), ("x/..", None)])
def test_the_name_is_the_folders(path: str, name: str | None) -> None:
    """A version's folder takes its parent's name."""
    assert default_name(Path(path)) == (name or Path.cwd().name)


def test_labels_tell_the_sides_apart() -> None:
    """A side is called by its path and whatever else is its own."""
    side = Contender(path=Path("m"), name="m", args=("--enable_batching",), image="serving:2")
    assert side.label == "m serving:2 --enable_batching"
