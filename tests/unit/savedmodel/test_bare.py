"""SavedModels without a version directory are staged as version 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import ExportError, LayoutError
from harness.savedmodel import as_base_path, is_bare, preflight, preflight_bare
from harness.serving import prepared_models

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def bare(tmp_path: Path, write_version: Callable[..., Path]) -> Path:
    """Return a SavedModel with saved_model.pb directly inside."""
    return write_version(tmp_path / "my_model")


def test_a_bare_savedmodel_becomes_version_1(bare: Path, tmp_path: Path) -> None:
    """The staged base path has the model's name and passes the pre-flight."""
    staged = as_base_path(bare, into=tmp_path / "staged")
    assert staged == tmp_path / "staged" / "my_model"
    assert [layout.version for layout in preflight(staged).versions] == [1]


def test_the_servable_can_be_renamed(bare: Path, tmp_path: Path) -> None:
    """Another name becomes the base path's last component."""
    assert as_base_path(bare, into=tmp_path / "staged", name="digits").name == "digits"


def test_staged_files_lead_nowhere_else(bare: Path, tmp_path: Path) -> None:
    """No symbolic links are made, as they would point outside of what a container mounts; the original stays."""
    staged = as_base_path(bare, into=tmp_path / "staged")
    assert not any(path.is_symlink() for path in staged.rglob("*"))
    assert (staged / "1" / "saved_model.pb").read_bytes() == (bare / "saved_model.pb").read_bytes()


def test_copies_are_made_where_links_cannot_be(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without hard links the files are copied."""

    def no_links(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("os.link", no_links)
    staged = as_base_path(bare, into=tmp_path / "staged")
    assert (staged / "1" / "saved_model.pb").stat().st_nlink == 1
    assert preflight(staged).latest.version == 1


def test_a_bare_savedmodel_is_looked_over_where_it_lies(bare: Path) -> None:
    """It counts as version 1, and is found fit as a version is."""
    layout = preflight_bare(bare)
    assert (layout.version, layout.path, list(layout.signatures)) == (1, bare, ["serving_default"])


def test_what_is_wrong_with_it_names_the_users_own_files(bare: Path, tmp_path: Path) -> None:
    """A fault is found before anything is staged, and the message names the path that the user knows."""
    (bare / "variables" / "variables.data-00000-of-00001").unlink()
    with pytest.raises(LayoutError, match=f"{bare}/variables/variables.data-00000-of-00001 is missing"):
        prepared_models({"mine": bare}, staging=tmp_path / "staged")
    assert not (tmp_path / "staged").exists()


def test_a_base_path_stays_as_it_is(base_path: Path, tmp_path: Path) -> None:
    """A base path, and what is wrong in another way, is returned as given, for preflight to judge."""
    assert as_base_path(base_path, into=tmp_path / "staged") == base_path
    assert as_base_path(base_path / "1", into=tmp_path / "staged") == base_path / "1"
    assert as_base_path(tmp_path / "absent", into=tmp_path / "staged") == tmp_path / "absent"
    assert not (tmp_path / "staged").exists()


def test_only_unnumbered_savedmodels_are_bare(bare: Path, base_path: Path) -> None:
    """A numbered directory is a version, not a bare SavedModel."""
    assert is_bare(bare)
    assert not is_bare(base_path)
    assert not is_bare(base_path / "1")
    (base_path / "saved_model.pb").touch()  # beside versions it is a stray file, which a server ignores
    assert not is_bare(base_path)
    assert preflight(base_path).latest.version == 2


def test_staging_twice_in_one_place_is_refused(bare: Path, tmp_path: Path) -> None:
    """A staged version is never overwritten."""
    as_base_path(bare, into=tmp_path / "staged")
    with pytest.raises(ExportError, match="exists already"):
        as_base_path(bare, into=tmp_path / "staged")
