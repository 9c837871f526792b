"""The versions that are rolled out: copies that leave the original as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.example_models import exported
from harness.checks.rollout.broken import UNKNOWN_OP, damage, name_unknown_op
from harness.checks.rollout.place import DAMAGED, NEW, OLD, UNLOADABLE, Place
from harness.errors import CheckError, LayoutError
from harness.savedmodel import publish_copy
from harness.savedmodel.proto import read_saved_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A version on the same file system as the copies, so that they are hard links."""
    return publish_copy(exported("half_plus_two") / "1", tmp_path / "original", version=1)


def _place(tmp_path: Path, source: Path, *, by_files: bool = True) -> Place:
    return Place.make(tmp_path / "stage", name="m", source=source, by_files=by_files)


def _numbers(path: Path) -> list[str]:
    return sorted(child.name for child in path.iterdir())


def test_the_original_stays_as_it_is(tmp_path: Path, source: Path) -> None:
    """Copies share the original's files, yet breaking them changes none of it."""
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    place = _place(tmp_path, source)
    assert (place.base_path / "1" / "saved_model.pb").stat().st_ino == (source / "saved_model.pb").stat().st_ino
    assert {path: path.read_bytes() for path in source.rglob("*") if path.is_file()} == before


def test_versions_wait_in_the_store(tmp_path: Path, source: Path) -> None:
    """By files, the base path has the old version; others come and go by name, the lowest first when they go."""
    place = _place(tmp_path, source)
    assert (_numbers(place.base_path), _numbers(place.store)) == (["1"], ["2", "3", "4"])
    assert place.first_config.policy == "latest"
    for version in (NEW, UNLOADABLE, UNLOADABLE):
        place.show(version)
    assert _numbers(place.base_path) == ["1", "2", "3"]
    place.hide_above(OLD)
    assert (_numbers(place.base_path), _numbers(place.store)) == (["1"], ["2", "3", "4"])


def test_by_config_all_versions_are_there(tmp_path: Path, source: Path) -> None:
    """Where no new files are seen, all versions lie in the base path and stay there; the config names one."""
    place = _place(tmp_path, source, by_files=False)
    place.hide_above(OLD)
    assert _numbers(place.base_path) == ["1", "2", "3", "4"]
    assert place.first_config.versions == (OLD,)


def test_broken_versions_are_broken(tmp_path: Path, source: Path) -> None:
    """One names an op that nobody has, the other is no SavedModel at all."""
    place = _place(tmp_path, source, by_files=False)
    assert place.broken == (UNLOADABLE, DAMAGED)
    (graph,) = read_saved_model(place.base_path / str(UNLOADABLE)).meta_graphs
    assert UNKNOWN_OP in {node.op for node in graph.graph_def.node}
    with pytest.raises(LayoutError, match="is not a SavedModel message"):
        read_saved_model(place.base_path / str(DAMAGED))


def test_a_graph_that_cannot_be_read_gets_no_unknown_op(source: Path) -> None:
    """What cannot be read here cannot be changed, and is left alone."""
    damage(source)
    content = (source / "saved_model.pb").read_bytes()
    assert not name_unknown_op(source)
    assert (source / "saved_model.pb").read_bytes() == content


def test_a_model_that_cannot_be_copied(tmp_path: Path) -> None:
    """The error names what was copied and where to, and the remedy for a full disk."""
    with pytest.raises(CheckError, match=r"missing cannot be copied to .*stage: .*set TMPDIR"):
        _place(tmp_path, tmp_path / "missing")
