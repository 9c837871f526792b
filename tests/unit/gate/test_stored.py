"""Stored baselines: written whole, read strictly, compared only on the same machine."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.errors import ReportError
from harness.gate.metrics import METRICS
from harness.gate.stored import Entry, append_entry, read_history, stored_path, trends
from harness.results import Fingerprint

if TYPE_CHECKING:
    from pathlib import Path

HERE = Fingerprint(cpu_model="c", cores=2, kernel="k", backend="standin", image_digest="", tensorflow="2.21")


def _entry(value: float, fingerprint: Fingerprint = HERE) -> Entry:
    return Entry(created_utc="2031-04-05T00:00:00+00:00", label="m", fingerprint=fingerprint, metrics={"cpu_us": value})


def test_what_is_stored_is_read(tmp_path: Path) -> None:
    """Entries come back in the order they were added, and no lock stays behind."""
    path = stored_path(tmp_path, "digits", "grpc-c4")
    assert read_history(path) == ()
    append_entry(path, _entry(400.0))
    assert append_entry(path, _entry(410.0)) == read_history(path) == (_entry(400.0), _entry(410.0))
    assert [each.name for each in path.parent.iterdir()] == ["grpc-c4.json"]


def test_history_is_bounded(tmp_path: Path) -> None:
    """The last fifty entries are kept."""
    for number in range(53):
        history = append_entry(tmp_path / "h.json", _entry(float(number + 1)))
    assert [len(history), history[0].metrics["cpu_us"]] == [50, 4.0]


def test_several_at_once_lose_nothing(tmp_path: Path) -> None:
    """Jobs that end at the same time each find their entry in the file."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: append_entry(tmp_path / "h.json", _entry(number + 1.0)), range(16)))
    assert {entry.metrics["cpu_us"] for entry in read_history(tmp_path / "h.json")} == {n + 1.0 for n in range(16)}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "JSONDecodeError"),
        ("<<<<<<< ours", "marks of a merge"),
        ('{"schema_version": 2, "history": []}', "schema_version 2"),
        ('{"schema_version": 1, "history": [{"label": "m"}]}', "metrics"),
        ('{"schema_version": 1, "history": 3}', "cannot be used"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: str, text: str) -> None:
    """A file that was cut short, badly merged or written by another version is an error that says what to do."""
    (tmp_path / "h.json").write_text(content)
    with pytest.raises(ReportError, match=text):
        read_history(tmp_path / "h.json")
    with pytest.raises(ReportError, match="delete it"):
        append_entry(tmp_path / "h.json", _entry(1.0))
    assert (tmp_path / "h.json").read_text() == content


def test_names_become_file_names(tmp_path: Path) -> None:
    """A model's name cannot lead out of the directory."""
    path = stored_path(tmp_path, "../../etc", "grpc/../x")
    assert path.resolve().is_relative_to(tmp_path.resolve())
    assert path.suffix == ".json"


def test_only_the_same_machine_is_compared() -> None:
    """Points of another machine, backend or TensorFlow are marked, and kept for the trend."""
    history = [_entry(300.0, replace(HERE, kernel="other")), _entry(400.0), _entry(410.0)]
    (trend,) = trends("digits", history, HERE, METRICS)
    assert [point.comparable for point in trend.points] == [False, True, True]
    assert (trend.title, trend.unit) == ("server CPU per request", "us")


def test_files_merge_line_by_line(tmp_path: Path) -> None:
    """Every value stands on a line of its own, in a fixed order, so that two branches' files can be merged."""
    append_entry(tmp_path / "h.json", _entry(400.0))
    text = (tmp_path / "h.json").read_text()
    assert '    "cpu_us": 400.0' in text.splitlines()
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"
