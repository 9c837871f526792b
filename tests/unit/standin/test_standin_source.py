"""Versions are found in base paths, and picked by policy, as the genuine server does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from harness.protos import model_server_config_pb2
from harness.standin.source import aspired_versions, poll
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from pathlib import Path


def model(policy: str = "", base_path: object = "/m") -> Any:
    """A ModelConfig with that version policy."""
    text = f'name: "m" base_path: "{base_path}" {policy}'
    return text_format.Parse(text, model_server_config_pb2.ModelConfig())


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("", {3}),
        ("model_version_policy { latest { num_versions: 0 } }", {3}),
        ("model_version_policy { latest { num_versions: 2 } }", {2, 3}),
        ("model_version_policy { latest { num_versions: 9 } }", {1, 2, 3}),
        ("model_version_policy { all {} }", {1, 2, 3}),
        ("model_version_policy { specific { versions: 1 versions: 8 } }", {1}),
        ("model_version_policy { specific { } }", set()),
    ],
)
def test_policies(policy: str, wanted: set[int]) -> None:
    """The version policy picks among the numbers that are there (behaviour items 84 and 85)."""
    assert aspired_versions(model(policy), ["1", "2", "3"]).keys() == wanted


@pytest.mark.parametrize("name", ["v1", "1.0", "1_tmp", "0x2", "9223372036854775808", "", "1 2", "٣", "+", "+-1", "²"])
def test_names_that_are_no_version(name: str) -> None:
    """Only 64-bit integers are versions (behaviour item 83)."""
    assert aspired_versions(model(), [name]) == {}


@pytest.mark.parametrize(
    ("name", "number"), [("007", 7), (" 2", 2), ("3 ", 3), ("-3", -3), ("+4", 4), ("9223372036854775807", 2**63 - 1)]
)
def test_names_that_are_versions(name: str, number: int) -> None:
    """Leading zeros, blanks around and signs do not matter."""
    assert aspired_versions(model(), [name]) == {number: name}


def test_the_last_of_two_folders_with_one_number_counts(capfd: pytest.CaptureFixture[str]) -> None:
    """Of 01 and 1 the one that sorts last is loaded, with a warning."""
    assert aspired_versions(model(), ["01", "1"]) == {1: "1"}
    assert "Version 1 will be loaded from 1, 01 will be ignored." in capfd.readouterr().err


@given(st.sets(st.integers(0, 50)), st.integers(0, 10))
def test_latest_takes_the_highest(numbers: set[int], count: int) -> None:
    """However many there are, the latest N are the N highest."""
    policy = f"model_version_policy {{ latest {{ num_versions: {count} }} }}"
    wanted = aspired_versions(model(policy), sorted(map(str, numbers)))
    assert wanted.keys() == set(sorted(numbers)[-max(count, 1) :])


def test_poll_gives_folders_by_version(tmp_path: Path) -> None:
    """The folder of a version is the child as it is spelt."""
    (tmp_path / "004").mkdir()
    assert poll([model(base_path=tmp_path)]) == {"m": {4: str(tmp_path / "004")}}


def test_a_file_counts_as_a_version(tmp_path: Path) -> None:
    """A plain file with a number for a name is taken, to fail when it is loaded."""
    (tmp_path / "2").write_text("x")
    assert poll([model(base_path=tmp_path)]) == {"m": {2: str(tmp_path / "2")}}


def test_an_empty_base_path_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No version at all is a warning with the genuine text (behaviour item 16)."""
    assert poll([model(base_path=tmp_path)]) == {"m": {}}
    assert f"No versions of servable m found under base path {tmp_path}." in capfd.readouterr().err


def test_one_missing_base_path_spoils_the_poll(tmp_path: Path) -> None:
    """A missing base path is an error for all models (behaviour item 17)."""
    with pytest.raises(StatusError, match=r"Could not find base path .*/none for servable m with error NOT_FOUND"):
        poll([model(base_path=tmp_path), model(base_path=tmp_path / "none")])
