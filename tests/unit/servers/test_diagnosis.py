"""From a server's log and a model's layout to the likely cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.model_config import ModelConfig
from harness.servers.diagnosis import likely_cause, unknown_flags

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("Could not find meta graph def matching supplied tags: { serve }.", "other tags"),
        ("Op type not registered 'MyOp' in binary running on c0ffee.", "uses the op MyOp"),
        ("Can't parse /m/1/saved_model.pb as binary proto", "damaged or half copied"),
        ("Request to assign label to version 2 of model m, which is not currently available for inference", "label"),
        ("Invalid protobuf file: '/b.txt'", "not the text proto"),
        ("No versions of servable m found under base path /m.", "no numeric version directory"),
        ("FileSystemStoragePathSource: Could not find base path /m for servable m", "does not exist"),
        ("ModuleNotFoundError: No module named 'harness'\n", "does not have the harness"),
        ("Illegal instruction (core dumped)", "amd64"),
        ("unknown argument: --bad\n", "does not know --bad"),
    ],
)
def test_known_texts_are_explained(log: str, cause: str, tmp_path: Path) -> None:
    """Each of the server's well-known texts leads to its cause."""
    (tmp_path / "1").mkdir()
    assert cause in likely_cause("", log, (ModelConfig(name="m", base_path=str(tmp_path)),))


def test_the_layout_is_blamed_when_the_log_says_nothing(tmp_path: Path) -> None:
    """A version directory given as base path is recognised."""
    (tmp_path / "saved_model.pb").touch()
    assert "is a version directory itself" in likely_cause("", "", (ModelConfig(name="m", base_path=str(tmp_path)),))


def test_nothing_known_brings_no_cause(tmp_path: Path) -> None:
    """An unknown text and a good layout lead to no guess."""
    (tmp_path / "1").mkdir()
    assert likely_cause("", "some text", (ModelConfig(name="m", base_path=str(tmp_path)),)) == ""


def test_unknown_flags_are_listed() -> None:
    """Every flag the server complained of is found."""
    assert unknown_flags("x\nunknown argument: --a\nunknown argument: --b=1\nusage:") == ["--a", "--b=1"]
