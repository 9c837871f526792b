"""The cache of exports."""

from __future__ import annotations

import functools
import os
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.errors import ExportError
from harness.protos import saved_model_pb2
from harness.savedmodel import cached_export, preflight
from harness.savedmodel.cache import CACHE_VARIABLE, cache_directory
from harness.savedmodel.cache_key import export_key
from harness.savedmodel.cache_prune import ENTRY_FILE, prune

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_S = 24 * 3600


def _build(base_path: Path, log: Path | None = None) -> None:
    """Write the smallest SavedModel, and a line into the log."""
    message = saved_model_pb2.SavedModel()
    message.meta_graphs.add().meta_info_def.tags.append("serve")
    (base_path / "1").mkdir(parents=True)
    (base_path / "1" / "saved_model.pb").write_bytes(message.SerializeToString())
    if log is not None:
        with log.open("a") as file:
            file.write("built\n")


def _ask_in_process(log: str) -> str:
    return str(cached_export(functools.partial(_build, log=Path(log)), key_parts=["shared"], name="m"))


class Counted:
    """A builder that counts its calls."""

    def __init__(self) -> None:
        """Begin at none."""
        self.calls = 0

    def __call__(self, base_path: Path) -> None:
        """Build and count."""
        self.calls += 1
        _build(base_path)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of this test's own."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_second_time_nothing_is_built(cache: Path) -> None:
    """Equal parts give the same base path without a second build."""
    build = Counted()
    first, second = (cached_export(build, key_parts=[1, {"a": None}], name="digits") for _ in range(2))
    assert build.calls == 1
    assert first == second
    assert first.name == "digits"
    assert cache in first.parents
    assert preflight(first).latest.version == 1


@pytest.mark.usefixtures("cache")
def test_another_part_is_another_entry() -> None:
    """Different parts, and different names, are built separately."""
    build = Counted()
    paths = {cached_export(build, key_parts=parts, name=name) for parts, name in (([1], "m"), ([2], "m"), ([1], "n"))}
    assert len(paths) == build.calls == 3


def _spoil_model(base_path: Path) -> None:
    (base_path / "1" / "saved_model.pb").write_bytes(b"\xff")


def _cut_short(base_path: Path) -> None:
    path = base_path / "1" / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:-1])


def _lose_model(base_path: Path) -> None:
    (base_path / "1" / "saved_model.pb").unlink()


def _add_file(base_path: Path) -> None:
    (base_path / "2").mkdir()
    (base_path / "2" / "saved_model.pb").touch()


def _lose_record(base_path: Path) -> None:
    (base_path.parent / ENTRY_FILE).unlink()


def _spoil_record(base_path: Path) -> None:
    (base_path.parent / ENTRY_FILE).write_text("[]")


@pytest.mark.parametrize("harm", [_spoil_model, _cut_short, _lose_model, _add_file, _lose_record, _spoil_record])
def test_a_broken_entry_is_built_anew(cache: Path, harm: Callable[[Path], None]) -> None:
    """An entry that lost, gained or changed a file is replaced as a whole."""
    build = Counted()
    base_path = cached_export(build, key_parts=[], name="m")
    harm(base_path)
    assert cached_export(build, key_parts=[], name="m") == base_path
    assert build.calls == 2
    assert [layout.version for layout in preflight(base_path).versions] == [1]
    assert not [path.name for path in (cache / "exports").iterdir() if path.name.startswith((".old", ".building"))]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_build_leaves_no_entry(cache: Path, error: type[BaseException]) -> None:
    """Neither an entry nor a half-built one stays behind, and the next call builds."""

    def fail(base_path: Path) -> None:
        _build(base_path)
        raise error

    with pytest.raises(error):
        cached_export(fail, key_parts=[], name="m")
    assert [path.name for path in (cache / "exports").iterdir() if path.suffix != ".lock"] == []


def test_a_builder_that_builds_nothing_is_refused(cache: Path) -> None:
    """An export that no server could load never enters the cache."""
    with pytest.raises(ExportError, match="left nothing that a server could load"):
        cached_export(lambda _: None, key_parts=[], name="m")
    assert cache.exists()


def test_processes_share_one_build(cache: Path, tmp_path: Path) -> None:
    """Of several processes that ask at once, one builds and all get its entry."""
    with get_context("spawn").Pool(3) as pool:
        paths = pool.map(_ask_in_process, [str(tmp_path / "log")] * 6, chunksize=1)
    assert len(set(paths)) == 1
    assert (tmp_path / "log").read_text() == "built\n"
    assert cache in Path(paths[0]).parents


def test_the_directory_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable wins; without it the user's cache directory is taken."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "mine"))
    assert cache_directory() == tmp_path / "mine"
    monkeypatch.delenv(CACHE_VARIABLE)
    assert cache_directory().name == "tfserving-harness"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.uname().sysname != "Linux", reason="XDG is for Linux")
def test_the_directory_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Linux the user's cache directory is XDG_CACHE_HOME."""
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "tfserving-harness"


def test_a_cache_that_cannot_be_made_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the way is an error with the remedy."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(ExportError, match=f"Set {CACHE_VARIABLE}"):
        cached_export(_build, key_parts=[], name="m")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["ab", "c"], ["a", "bc"]),
        ([1], [True]),
        ([1], ["1"]),
        (["a"], [b"a"]),
        ([["a"], "b"], [["a", "b"]]),
        ([None], []),
        ([{"a": 1}], [{"a": 2}]),
        ([np.zeros(2, np.float32)], [np.zeros(2, np.int32)]),
        ([np.zeros((2, 3))], [np.zeros((3, 2))]),
        ([np.array([b"a"], object)], [np.array([b"b"], object)]),
    ],
)
def test_different_parts_have_different_keys(one: list[Any], other: list[Any]) -> None:
    """Parts are told apart by type, order, nesting, shape and content."""
    assert export_key(_build, one) != export_key(_build, other)
    assert export_key(_build, one) == export_key(_build, one)


def test_files_count_by_content_not_by_place(tmp_path: Path) -> None:
    """A path stands for the name and content of its file, or of all files below it."""
    for name, content in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text(content)
    keys = {name: export_key(_build, [tmp_path / name]) for name in "abc"}
    assert keys["a"] == keys["b"] != keys["c"]
    files = {name: export_key(_build, [tmp_path / name / "weights"]) for name in "abc"}
    assert files["a"] == files["b"] != files["c"]


def test_the_builder_is_part_of_the_key() -> None:
    """Two builders of one file have different keys."""
    assert export_key(_build, []) != export_key(Counted(), [])


def test_the_version_of_tensorflow_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another TensorFlow may write another SavedModel."""
    before = export_key(_build, [])
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"{name} 99")
    assert export_key(_build, []) != before


@pytest.mark.parametrize(("part", "words"), [(object(), "cannot be part"), (Path("/no/such/file"), "does not exist")])
def test_parts_without_a_value_are_refused(part: Any, words: str) -> None:
    """An object of unknown equality, or a missing file, cannot be part of a key."""
    with pytest.raises(ExportError, match=words):
        export_key(_build, [part])


def _aged_entries(cache: Path, ages_days: dict[str, float]) -> dict[str, Path]:
    entries = {}
    for name, days in ages_days.items():
        base_path = cached_export(_build, key_parts=[name], name="m")
        when = time.time() - days * DAY_S
        os.utime(base_path.parent / ENTRY_FILE, (when, when))
        entries[name] = base_path.parent
    assert all(cache in entry.parents for entry in entries.values())
    return entries


def test_unused_entries_grow_too_old(cache: Path) -> None:
    """Entries not used within the allowed age go; the others stay."""
    entries = _aged_entries(cache, {"old": 31, "young": 29})
    prune(cache / "exports")
    assert [name for name, entry in entries.items() if entry.exists()] == ["young"]


def test_a_full_cache_loses_what_was_used_longest_ago(cache: Path) -> None:
    """Over the size bound the oldest go first, but nothing used within a day."""
    entries = _aged_entries(cache, {"a": 3, "b": 5, "c": 4, "fresh": 0.5})
    size = sum(file.stat().st_size for file in entries["a"].rglob("*") if file.is_file())
    prune(cache / "exports", max_size_bytes=2 * size)
    assert {name for name, entry in entries.items() if entry.exists()} == {"a", "fresh"}
    prune(cache / "exports", max_size_bytes=0, max_age_s=0.0)
    assert {name for name, entry in entries.items() if entry.exists()} == {"fresh"}


def test_a_hit_keeps_an_entry_young(cache: Path) -> None:
    """Being used counts, not being built."""
    entry = _aged_entries(cache, {"old": 31})["old"]
    cached_export(_build, key_parts=["old"], name="m")
    prune(cache / "exports")
    assert entry.exists()


def test_a_build_prunes(cache: Path) -> None:
    """The cache is looked through whenever something is added to it."""
    entry = _aged_entries(cache, {"old": 31})["old"]
    cached_export(_build, key_parts=["new"], name="m")
    assert not entry.exists()


def test_leftovers_of_killed_processes_are_cleared(cache: Path) -> None:
    """Half-built entries and locks without an entry go after a day, younger ones may be in use."""
    entries = _aged_entries(cache, {"kept": 1})
    exports = cache / "exports"
    when = time.time() - 2 * DAY_S
    for name in (".building-1-a", ".building-2-b", ".old-1-a"):
        (exports / name).mkdir()
    for name in (".building-1-a", ".old-1-a"):
        os.utime(exports / name, (when, when))
    (exports / ".feed.lock").touch()
    os.utime(exports / ".feed.lock", (when, when))
    prune(exports)
    left = {path.name for path in exports.iterdir()}
    kept = entries["kept"].name
    assert {kept, ".building-2-b"} <= left <= {kept, ".building-2-b", f".{kept}.lock", ".prune.lock"}
