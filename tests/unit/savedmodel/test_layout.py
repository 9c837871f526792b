"""The pre-flight of base paths: what a server would stumble over, each with its remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import text_format

from harness.errors import LayoutError
from harness.savedmodel import preflight

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_whole_base_path_is_described(base_path: Path) -> None:
    """Name, versions, tags, signatures and sizes of a fit base path; the loader's own signature is left out."""
    found = preflight(base_path)
    assert (found.path, found.name, found.notes) == (base_path, "digits", ())
    assert [layout.version for layout in found.versions] == [1, 2]
    assert found.latest.path == base_path / "2"
    assert found.latest.tags == ("serve",)
    assert list(found.latest.signatures) == ["serving_default"]
    assert found.latest.signatures["serving_default"].input("x").dtype == "float32"
    assert not found.latest.has_warmup
    assert found.latest.size_bytes == sum(f.stat().st_size for f in (base_path / "2").rglob("*") if f.is_file())


def test_wanted_versions_alone_are_looked_at(base_path: Path) -> None:
    """Versions that were not asked for may be broken."""
    (base_path / "2" / "saved_model.pb").unlink()
    assert [layout.version for layout in preflight(base_path, versions=[1]).versions] == [1]


def test_a_missing_version_is_an_error(base_path: Path) -> None:
    """A wanted version that is not there is named beside those that are."""
    with pytest.raises(LayoutError, match="has no version 7; it has: 1, 2"):
        preflight(base_path, versions=[1, 7])


def test_an_older_broken_version_is_a_note(base_path: Path) -> None:
    """The default policy serves the highest version, so a fault of a lower one is noted and no error."""
    (base_path / "1" / "saved_model.pb").write_bytes(b"")
    found = preflight(base_path)
    assert [layout.version for layout in found.versions] == [2]
    assert "version 1 could not be loaded" in found.notes[0]
    with pytest.raises(LayoutError, match="is empty"):
        preflight(base_path, versions=[1, 2])


def test_a_missing_base_path_says_what_is_beside_it(base_path: Path) -> None:
    """A misspelt name is easily found among its neighbours."""
    with pytest.raises(LayoutError, match=r"does not exist; .* holds: digits"):
        preflight(base_path.parent / "digit")


def test_a_broken_link_is_followed_in_words(tmp_path: Path) -> None:
    """A link that leads nowhere is called that."""
    (tmp_path / "m").symlink_to("gone")
    with pytest.raises(LayoutError, match="symbolic link to gone"):
        preflight(tmp_path / "m")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("m.keras", "Keras file.*keras.models.load_model"),
        ("m.h5", "Keras file"),
        ("m.tflite", "TensorFlow Lite"),
        ("frozen.pb", "single graph file"),
        ("m.onnx", "ONNX"),
        ("m.pt", "PyTorch"),
        ("m.tar.gz", "archive.*Unpack"),
        ("m.bin", "is a file"),
    ],
)
def test_files_are_named_for_what_they_are(tmp_path: Path, name: str, words: str) -> None:
    """A file in place of a base path is recognised by its suffix and gets the remedy for its kind."""
    (tmp_path / name).touch()
    with pytest.raises(LayoutError, match=words):
        preflight(tmp_path / name)


def test_the_message_file_leads_to_its_base_path(base_path: Path) -> None:
    """saved_model.pb itself is answered with the base path two levels up."""
    with pytest.raises(LayoutError, match=f"give its base path instead: {base_path}$"):
        preflight(base_path / "1" / "saved_model.pb")


def test_a_version_directory_leads_to_its_parent(base_path: Path) -> None:
    """The right call is offered for a version given as base path, which a server would wait for without end."""
    with pytest.raises(LayoutError, match="is version 2 of a model") as caught:
        preflight(base_path / "2")
    assert f"preflight({str(base_path)!r}, versions=[2])" in str(caught.value)


def test_a_bare_savedmodel_leads_to_staging(tmp_path: Path, write_version: Callable[..., Path]) -> None:
    """A SavedModel in a directory that is no number is pointed to as_base_path."""
    with pytest.raises(LayoutError, match="as_base_path"):
        preflight(write_version(tmp_path / "my_model"))


def test_names_that_look_like_versions_are_mentioned(base_path: Path) -> None:
    """Names a server ignores silently are an error's hint where no version is, and a note beside real versions."""
    (base_path / "1").rename(base_path / "v1")
    (base_path / "3_tmp").mkdir()
    assert "3_tmp, v1" in preflight(base_path).notes[0]
    (base_path / "2").rename(base_path / "2.0")
    with pytest.raises(LayoutError, match=r"look like versions but are not.*: 2\.0, 3_tmp, v1"):
        preflight(base_path)


def test_an_empty_base_path_and_a_parent_are_told_apart(base_path: Path) -> None:
    """An empty directory is called empty; the parent of base paths offers them."""
    empty = base_path.parent.parent / "empty"
    empty.mkdir()
    with pytest.raises(LayoutError, match="It is empty"):
        preflight(empty)
    with pytest.raises(LayoutError, match=f"Is one of these the base path\\? {base_path}"):
        preflight(base_path.parent)


def test_two_names_of_one_version_are_noted(base_path: Path, write_version: Callable[..., Path]) -> None:
    """Of 2 and 002 a server loads the last in sort order, which is noted (behaviour item 83)."""
    write_version(base_path / "002")
    found = preflight(base_path)
    assert found.latest.path == base_path / "2"
    assert "version 2 is loaded from '2'; '002'" in found.notes[0]


def test_a_plain_file_named_like_a_version_is_an_error(base_path: Path) -> None:
    """A file called 3 is taken for version 3 by a server, which then fails (behaviour item 83)."""
    (base_path / "3").touch()
    with pytest.raises(LayoutError, match="3 is a file, but a server takes it for version 3"):
        preflight(base_path)


def _no_model(version: Path) -> None:
    (version / "saved_model.pb").unlink()


def _other_format(version: Path) -> None:
    (version / "saved_model.pb").rename(version / "model.keras")


def _one_too_deep(version: Path) -> None:
    (version / "inner").mkdir()
    (version / "saved_model.pb").rename(version / "inner" / "saved_model.pb")


def _content(content: bytes) -> Callable[[Path], None]:
    def spoil(version: Path) -> None:
        (version / "saved_model.pb").write_bytes(content)

    return spoil


def _variables(action: str, name: str) -> Callable[[Path], None]:
    def spoil(version: Path) -> None:
        path = version / "variables" / name
        path.unlink() if action == "remove" else path.write_bytes(action.encode())

    return spoil


def _no_variables(version: Path) -> None:
    for path in (version / "variables").iterdir():
        path.unlink()
    (version / "variables").rmdir()


def _second_shard_missing(version: Path) -> None:
    folder = version / "variables"
    (folder / "variables.data-00000-of-00001").rename(folder / "variables.data-00000-of-00002")


SHARD = "variables.data-00000-of-00001"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_model, "holds no saved_model.pb.*It holds: variables"),
        (_other_format, r"model\.keras is another format"),
        (_one_too_deep, "one level too deep"),
        (_content(b""), r"is empty \(0 bytes\)"),
        (_content(b"\xff\xff not a message"), "not a SavedModel message"),
        (_content(b"\x08\x01"), "holds no graph"),
        (_content(b"version https://git-lfs.github.com/spec/v1\noid"), "git lfs pull"),
        (_no_variables, r"variables\.index is missing, but the graph has variables"),
        (_variables("remove", "variables.index"), r"variables\.index is missing, though"),
        (_variables("remove", SHARD), f"{SHARD} is missing"),
        (_variables("", "variables.index"), "variables.index is empty"),
        (_variables("", SHARD), f"{SHARD} is empty"),
        (_variables("version https://git-lfs.github.com/spec/v1", SHARD), "git lfs pull"),
        (_second_shard_missing, "lacks variables.data-00001-of-00002"),
    ],
)
def test_broken_versions_are_errors(base_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    """Each way in which a version can be incomplete is an error that names the file and what to do."""
    spoil(base_path / "2")
    with pytest.raises(LayoutError, match=words) as caught:
        preflight(base_path)
    assert str(base_path / "2") in str(caught.value)


def test_variables_used_in_functions_count(
    tmp_path: Path, write_version: Callable[..., Path], make_message: Callable[..., Any]
) -> None:
    """A variable that only a function of the graph touches needs its checkpoint as well."""
    _no_variables(write_version(tmp_path / "m" / "1", make_message(in_function=True)))
    with pytest.raises(LayoutError, match="the graph has variables"):
        preflight(tmp_path / "m")


def test_a_graph_without_variables_needs_no_checkpoint(
    tmp_path: Path, write_version: Callable[..., Path], make_message: Callable[..., Any]
) -> None:
    """No variables, no files: that is a whole model."""
    _no_variables(write_version(tmp_path / "m" / "1", make_message(variables=False)))
    assert preflight(tmp_path / "m").latest.version == 1


def test_wrong_tags_name_those_that_exist(
    tmp_path: Path, write_version: Callable[..., Path], make_message: Callable[..., Any]
) -> None:
    """Tags are compared as a set, exactly, and the message says which there are (behaviour item 93)."""
    write_version(tmp_path / "m" / "1", make_message(tags=("serve", "gpu")))
    assert preflight(tmp_path / "m", tags=("gpu", "serve")).latest.tags == ("gpu", "serve")
    with pytest.raises(LayoutError, match=r"its tags are: \{ gpu serve \}.*--saved_model_tags=gpu,serve"):
        preflight(tmp_path / "m")


def test_the_text_form_is_read_too(
    tmp_path: Path, write_version: Callable[..., Path], make_message: Callable[..., Any]
) -> None:
    """saved_model.pbtxt serves as well as saved_model.pb."""
    version = write_version(tmp_path / "m" / "1")
    (version / "saved_model.pb").unlink()
    (version / "saved_model.pbtxt").write_text(text_format.MessageToString(make_message()))
    assert list(preflight(tmp_path / "m").latest.signatures) == ["serving_default"]


def test_the_chunked_form_is_refused_by_name(base_path: Path) -> None:
    """A chunked SavedModel cannot be looked over, and the message says how to avoid it."""
    (base_path / "2" / "saved_model.pb").rename(base_path / "2" / "saved_model.cpb")
    with pytest.raises(LayoutError, match="chunked"):
        preflight(base_path)


@pytest.mark.parametrize("unreadable", [".", "2", "2/variables", "2/saved_model.pb", "2/variables/variables.index"])
def test_missing_permissions_are_found(base_path: Path, monkeypatch: pytest.MonkeyPatch, unreadable: str) -> None:
    """Whatever cannot be read is named with the chmod that mends it (os.access is replaced: root may read all)."""
    denied = base_path / unreadable
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != denied and real(path, mode))
    with pytest.raises(LayoutError, match=r"permissions forbid it.*chmod") as caught:
        preflight(base_path)
    assert str(denied) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything, whatever the permissions say")
def test_permissions_of_the_file_system_are_found(base_path: Path) -> None:
    """The same with real permissions."""
    (base_path / "2" / "saved_model.pb").chmod(0)
    with pytest.raises(LayoutError, match="permissions forbid it"):
        preflight(base_path)


def test_looking_over_imports_no_tensorflow(base_path: Path) -> None:
    """A pre-flight, from import to answer, leaves TensorFlow and Keras alone."""
    code = (
        "import sys; from harness.savedmodel import preflight, cached_export, export, write_warmup;"
        f"preflight({str(base_path)!r});"
        "sys.exit(' '.join(name for name in ('tensorflow', 'keras', 'pytest', 'docker') if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
