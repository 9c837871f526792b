"""Which names are versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.model_config import ModelConfig
from harness.versions import (
    children_by_version,
    look_alikes,
    next_version,
    parse_version,
    version_directories,
    wanted_versions,
)

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("1", 1),
        ("0", 0),
        ("00000123", 123),
        (" 2", 2),
        ("3 ", 3),
        ("9223372036854775807", 2**63 - 1),
        ("-7", -7),
        ("+7", 7),
        ("\t8\n", 8),
        ("0" * 3000 + "9", 9),
    ],
)
def test_numbers_are_versions(name: str, version: int) -> None:
    """A whole name that parses as a 64-bit integer is a version, as in behaviour item 83."""
    assert parse_version(name) == version


@pytest.mark.parametrize(
    "name",
    ["v1", "1.0", "1_tmp", "0x2", "", " ", "1 2", "9223372036854775808", "٣", ".1", "-", "--1", "\u00a01", "1" * 5000],
)
def test_other_names_are_ignored(name: str) -> None:
    """Anything else is no version, not even digits of another script."""
    assert parse_version(name) is None


def test_children_are_ordered_by_number_and_files_count(tmp_path: Path) -> None:
    """Versions come in numeric order, names of one number in sort order, and plain files count."""
    for name in ("10", "9", "009", "v3"):
        (tmp_path / name).mkdir()
    (tmp_path / "2").touch()
    assert list(children_by_version(tmp_path).items()) == [(2, ("2",)), (9, ("009", "9")), (10, ("10",))]


def test_look_alikes_hold_a_digit() -> None:
    """Names with a digit that are no versions are found; hidden names and plain words are not."""
    assert look_alikes(["1", "v1", "1_tmp", "notes", ".exporting-12-ab", "1.0"]) == ("1.0", "1_tmp", "v1")


def test_the_next_version_follows_the_highest(tmp_path: Path) -> None:
    """The next version is 1 where there is none, else one more than the highest, gaps left alone."""
    assert next_version(tmp_path / "absent") == 1
    assert next_version(tmp_path) == 1
    for name in ("1", "07", "-5"):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == 8


def test_directories_are_those_a_server_loads(tmp_path: Path) -> None:
    """Of two names for one number the last in sort order counts (behaviour item 83)."""
    for name in ("10", "9", "009", "v3"):
        (tmp_path / name).mkdir()
    assert list(version_directories(tmp_path).items()) == [(9, tmp_path / "9"), (10, tmp_path / "10")]


def test_a_missing_base_path_is_an_os_error(tmp_path: Path) -> None:
    """A base path that is not there cannot be listed."""
    with pytest.raises(FileNotFoundError):
        version_directories(tmp_path / "absent")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, (12,)),
        ({"num_versions": 2}, (7, 12)),
        ({"num_versions": 9}, (-1, 3, 7, 12)),
        ({"policy": "all"}, (-1, 3, 7, 12)),
        ({"policy": "specific", "versions": (12, 3, 3)}, (3, 12)),
        ({"policy": "specific", "versions": (5,)}, (5,)),
    ],
)
def test_the_policy_says_what_is_loaded(options: dict[str, Any], wanted: tuple[int, ...]) -> None:
    """Latest takes the highest numbers, all takes all, specific takes what it names, there or not."""
    assert wanted_versions(ModelConfig(name="m", base_path="/m", **options), [7, -1, 12, 3]) == wanted
