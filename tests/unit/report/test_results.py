from __future__ import annotations

import dataclasses
import json
import math
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import harness.report
from harness.errors import ReportError
from harness.results import (
    Picture,
    Run,
    ServedModel,
    check_writable,
    from_json,
    read_results,
    to_json,
    write_results,
    write_whole,
)
from harness.results.schema import json_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.results import Results

SCHEMA_FILE = Path(harness.report.__file__).parent / "results.schema.json"


def _document(results: Results) -> dict[str, Any]:
    return dict(json.loads(to_json(results)))


def test_results_survive_the_way_to_json_and_back(results: Results, bare_results: Results) -> None:
    """Reading what was written gives an equal value, pictures' bytes included."""
    assert from_json(to_json(results)) == results
    assert from_json(to_json(bare_results)) == bare_results


def test_writing_is_deterministic(results: Results) -> None:
    """The same results give the same bytes, so that files can be compared."""
    once = from_json(to_json(results))
    assert to_json(once) == to_json(from_json(to_json(once)))


def test_written_results_fit_the_json_schema(results: Results, bare_results: Results) -> None:
    """Both a full and a bare results.json are valid by the schema in the package."""
    schema = json.loads(SCHEMA_FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for each in (results, bare_results):
        jsonschema.validate(_document(each), schema, cls=jsonschema.Draft202012Validator)


def test_schema_file_is_what_the_dataclasses_say() -> None:
    """The schema in the package is up to date; python -m harness.results.schema prints it."""
    assert json.loads(SCHEMA_FILE.read_text()) == json_schema()


def _each_spoiled(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield documents that each have one thing wrong."""
    without = json.loads(json.dumps(document))
    del without["latency"][0]["n"]
    yield "missing fields ['n']", without
    extra = json.loads(json.dumps(document))
    extra["machine"]["colour"] = "grey"
    yield "unknown fields ['colour']", extra
    for place, value in (
        (("latency", 0, "n"), "6000"),
        (("latency", 0, "n"), True),
        (("latency", 0, "n"), 1.5),
        (("latency", 0, "api"), "soap"),
        (("latency", 0, "mean_ns"), None),
        (("run", "versions", "python"), 3),
        (("run", "interrupted"), 0),
        (("models", 0, "signatures"), {}),
        (("tests",), []),
        (("backend", "image"), 5),
        (("throughput", 0, "errors"), []),
        (("findings", 0, "severity"), "fatal"),
    ):
        spoiled = json.loads(json.dumps(document))
        inner = spoiled
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value
        yield str(place[-1]), spoiled


def test_reader_and_schema_refuse_the_same_spoiled_files(results: Results) -> None:
    """Every kind of misfit is refused, with its place, and by the JSON Schema too."""
    validator = jsonschema.Draft202012Validator(json_schema())
    for expected, spoiled in _each_spoiled(_document(results)):
        with pytest.raises(ReportError) as caught:
            from_json(json.dumps(spoiled))
        assert expected in str(caught.value)
        assert not validator.is_valid(spoiled), expected


@pytest.mark.parametrize("version", [0, 2, "1", True, None])
def test_other_schema_versions_are_refused(results: Results, version: Any) -> None:
    """A file of another schema version is not half-read; the message says what to do."""
    with pytest.raises(ReportError, match="this harness reads 1"):
        from_json(json.dumps(_document(results) | {"schema_version": version}))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": 1}', b'{"schema_version": NaN}'])
def test_broken_files_are_refused_with_their_path(tmp_path: Path, content: bytes) -> None:
    """Cut, foreign and undecodable files give a ReportError that names the file."""
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(ReportError, match=r"results\.json"):
        read_results(path)


def test_every_truncation_is_refused(results: Results) -> None:
    """No beginning of a results.json is mistaken for a whole one."""
    content = to_json(results)
    for length in range(0, len(content) - 2, 997):
        with pytest.raises(ReportError):
            from_json(content[:length])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Reading what is not there says so, with the path."""
    with pytest.raises(ReportError, match=r"none\.json.*No such file"):
        read_results(tmp_path / "none.json")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_json_does_not_have_are_refused_on_writing(results: Results, value: float) -> None:
    """A NaN is refused with its place instead of being written as something else."""
    spoiled = dataclasses.replace(results, run=dataclasses.replace(results.run, duration_s=value))
    with pytest.raises(ReportError, match=r"results\.run\.duration_s"):
        to_json(spoiled)


def test_foreign_values_are_refused_on_writing(results: Results) -> None:
    """A value of a type that JSON lacks is refused with its place."""
    unfit: Any = ({"a set"},)
    spoiled = dataclasses.replace(results, warnings=unfit)
    with pytest.raises(ReportError, match=r"warnings\[0\] is a set"):
        to_json(spoiled)


def test_a_lone_surrogate_does_not_stop_the_file(results: Results) -> None:
    """Text that no encoding can hold, as from a wrongly decoded path, is written as a JSON escape."""
    odd = dataclasses.replace(results, warnings=("a\udc80b",))
    assert b"a\\udc80b" in to_json(odd)
    assert from_json(to_json(odd)) == odd


@pytest.mark.parametrize("time", ["yesterday", "2031-04-05T06:07:08", "2031-04-05T06:07:08+02:00"])
def test_times_must_be_utc(time: str) -> None:
    """A time without an offset, or with another one, is refused: runs are put in order by it."""
    with pytest.raises(ReportError, match="UTC"):
        Run(created_utc=time, duration_s=1, command=(), versions={})


def test_whole_base_paths_are_refused() -> None:
    """A model's base path enters by its last component only."""
    with pytest.raises(ReportError, match="last component"):
        ServedModel(name="digits", base_path_name="/home/someone/digits")


def test_pictures_must_be_png() -> None:
    """Bytes that are no PNG are refused."""
    with pytest.raises(ReportError, match="PNG"):
        Picture(caption="a picture", png=b"GIF89a")


def test_a_picture_knows_its_size(results: Results) -> None:
    """Width and height are read from the PNG."""
    assert results.pictures[0].size_px == (8, 8)


def test_write_makes_folders_and_follows_the_umask(tmp_path: Path, results: Results) -> None:
    """Missing folders are made, and the file is as readable as any new file."""
    path = write_results(results, tmp_path / "a" / "b" / "results.json")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert read_results(path) == results


def test_write_replaces_whole_and_leaves_nothing_beside(
    tmp_path: Path, results: Results, bare_results: Results
) -> None:
    """A second write replaces the first, keeps the file's mode, and no temporary file stays."""
    path = write_results(results, tmp_path / "results.json")
    path.chmod(0o640)
    write_results(bare_results, path)
    assert read_results(path) == bare_results
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["results.json"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last step fails the old file is untouched and the new one is gone."""
    path = write_results(results, tmp_path / "results.json")
    before = path.read_bytes()

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ReportError, match="No space left"):
        write_results(results, path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["results.json"]


def test_write_goes_through_a_symbolic_link(tmp_path: Path, results: Results) -> None:
    """A link stays a link, and its target gets the content."""
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    write_results(results, tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert read_results(tmp_path / "real.json") == results


@pytest.mark.parametrize("action", [check_writable, lambda path: write_whole(b"", path)])
def test_folders_devices_and_nothing_are_no_targets(tmp_path: Path, action: Callable[[Any], object]) -> None:
    """A folder, a device and an empty name are refused, at the start as at the end, with what to do."""
    for path, reason in ((tmp_path, "is a folder"), (Path(os.devnull), "not a regular file"), ("", "no file name")):
        with pytest.raises(ReportError, match=reason):
            action(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="file"):
        action(tmp_path / "file" / "results.json")


def test_check_writable_leaves_nothing_behind(tmp_path: Path) -> None:
    """Asking makes neither the file nor its folders."""
    check_writable(tmp_path / "a" / "b" / "results.json")
    assert list(tmp_path.iterdir()) == []


def test_check_writable_leaves_an_existing_file_alone(tmp_path: Path) -> None:
    """An existing file keeps its content."""
    (tmp_path / "results.json").write_text("old")
    check_writable(tmp_path / "results.json")
    assert (tmp_path / "results.json").read_text() == "old"


_AS_NOBODY = """
import os, sys
sys.path[:] = {paths!r}
from harness.errors import ReportError
from harness.results import check_writable, write_whole
if os.getuid() == 0:
    os.setuid(65534)
for action in (check_writable, lambda path: write_whole(b"x", path)):
    try:
        action(sys.argv[1])
    except ReportError as error:
        print(error)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter: the superuser's tests give up their rights, and tmp_path admits no other."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
        Path(name).chmod(0o755)


@pytest.mark.parametrize("what", ["folder", "file"])
def test_missing_permission_is_told_with_the_remedy(open_folder: Path, what: str) -> None:
    """Without write permission both the early check and the write say so and what to do, whoever runs the tests."""
    target = open_folder / "results.json"
    if what == "file":
        target.write_text("old")
        target.chmod(0o444)
    else:
        open_folder.chmod(0o555)
    code = _AS_NOBODY.format(paths=sys.path)
    done = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stdout + done.stderr
    assert all("choose a path you may write to" in line for line in lines)
