"""Versions appear whole, under their own number, or not at all."""

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from harness.errors import ExportError
from harness.savedmodel.staging import publish
from harness.versions import parse_version


def _fill(directory: Path) -> None:
    (directory / "variables").mkdir()
    (directory / "variables" / "data").write_bytes(b"d")
    (directory / "saved_model.pb").write_bytes(b"m")


def _publish_in_process(base_path: str) -> str:
    return publish(Path(base_path), _fill).name


def _tree(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_versions_are_numbered_in_turn(tmp_path: Path) -> None:
    """Without a number the first version is 1 and each further one the next."""
    assert [publish(tmp_path / "a" / "m", _fill).name for _ in range(3)] == ["1", "2", "3"]
    assert publish(tmp_path / "a" / "m", _fill, version=10).name == "10"
    assert publish(tmp_path / "a" / "m", _fill).name == "11"


def test_nothing_but_the_version_is_there_afterwards(tmp_path: Path) -> None:
    """The base path holds the finished version and no temporary name."""
    publish(tmp_path / "m", _fill)
    assert _tree(tmp_path / "m") == ["1", "1/saved_model.pb", "1/variables", "1/variables/data"]


@pytest.mark.parametrize("existing", ["5", "005"])
def test_a_taken_version_is_refused_before_any_work(tmp_path: Path, existing: str) -> None:
    """An existing version, also one written with leading zeros, is refused and left as it was."""
    (tmp_path / existing).mkdir()

    def never(_: Path) -> None:
        pytest.fail("the model was written although its version is taken")

    with pytest.raises(ExportError, match="version 5 exists already"):
        publish(tmp_path, never, version=5)
    assert _tree(tmp_path) == [existing]


@pytest.mark.parametrize("version", [-1, 2**63, True, 1.0, "1"])
def test_impossible_versions_are_refused(tmp_path: Path, version: object) -> None:
    """A version is an integer that a server can parse."""
    with pytest.raises(ExportError, match="cannot be served"):
        publish(tmp_path / "m", _fill, version=version)  # type: ignore[arg-type]
    assert _tree(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failed_or_interrupted_export_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    """Neither the half-written version nor the directories made for it stay behind, Ctrl-C included."""

    def fail(directory: Path) -> None:
        _fill(directory)
        raise error

    with pytest.raises(error):
        publish(tmp_path / "deep" / "m", fail)
    assert _tree(tmp_path) == []


def test_a_failed_export_keeps_what_others_put_there(tmp_path: Path) -> None:
    """Only empty directories made by the failed export itself are removed."""

    def fail(directory: Path) -> None:
        (directory.parent / "1").mkdir()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish(tmp_path / "m", fail)
    assert _tree(tmp_path) == ["m", "m/1"]


def test_a_version_taken_meanwhile_is_refused_or_renumbered(tmp_path: Path) -> None:
    """If the number is taken while the model is written, a chosen number is refused, a free choice moves on."""

    def overtaken(directory: Path) -> None:
        _fill(directory)
        (tmp_path / "1").mkdir(exist_ok=True)
        (tmp_path / "1" / "other").touch()

    with pytest.raises(ExportError, match="version 1 exists already"):
        publish(tmp_path, overtaken, version=1)
    assert publish(tmp_path, overtaken).name == "2"
    assert _tree(tmp_path / "1") == ["other"]


def test_concurrent_threads_get_different_versions(tmp_path: Path) -> None:
    """Exports that begin together end in as many versions, without gaps."""
    together = threading.Barrier(8)

    def write(directory: Path) -> None:
        _fill(directory)
        together.wait(timeout=30)

    with ThreadPoolExecutor(8) as pool:
        published = list(pool.map(lambda _: publish(tmp_path / "m", write), range(8)))
    assert sorted(int(path.name) for path in published) == list(range(1, 9))
    assert all((path / "saved_model.pb").read_bytes() == b"m" for path in published)


def test_concurrent_processes_get_different_versions(tmp_path: Path) -> None:
    """The same holds between processes."""
    with get_context("spawn").Pool(2) as pool:
        names = pool.map(_publish_in_process, [str(tmp_path / "m")] * 6)
    assert sorted(map(int, names)) == list(range(1, 7))


def test_a_poller_never_sees_half_a_version(tmp_path: Path) -> None:
    """Whenever a number is visible under the base path, all of its files are."""
    seen: list[bool] = []

    def look() -> None:
        versions = (child for child in tmp_path.iterdir() if parse_version(child.name) is not None)
        seen.extend((version / "saved_model.pb").exists() for version in versions)

    def write(directory: Path) -> None:
        look()
        _fill(directory)
        look()

    for _ in range(3):
        publish(tmp_path, write)
    assert len(seen) == 6  # 0 versions twice, then 1 twice, then 2 twice
    assert all(seen)


def test_a_version_can_be_read_by_a_server_of_another_user(tmp_path: Path) -> None:
    """The version directory has the permissions that the user's umask gives, not a private temporary one's."""
    mask = os.umask(0o022)
    try:
        published = publish(tmp_path / "m", _fill)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(published.stat().st_mode) == 0o755


def test_a_base_path_that_cannot_be_made_is_an_export_error(tmp_path: Path) -> None:
    """A file in the way is reported with the path, not as a bare OSError."""
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="cannot be made"):
        publish(tmp_path / "file" / "m", _fill)
    assert _tree(tmp_path) == ["file"]
