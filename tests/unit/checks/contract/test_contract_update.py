"""Writing the contract: what is written is said, nothing doubtful is written, and no file of somebody's is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.checks.contract.contract_file import read_contract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.findings import Finding
    from harness.signatures import Signature


@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize("text", ["{", '{"format": 9, "signatures": {}}'])
def test_a_damaged_contract_fails_and_is_never_replaced(
    findings_of: Callable[..., list[Finding]],
    served: dict[str, Signature],
    path: Path,
    text: str,
    update: bool,  # noqa: FBT001 - a column
) -> None:
    """A file that is no contract may be somebody's: it is an error with the remedy, also when asked to write."""
    path.parent.mkdir()
    path.write_text(text)
    (finding,) = findings_of(served, update=update)
    assert finding.fails
    assert finding.subject == "contracts/m.json"
    assert str(path) in finding.seen
    assert path.read_text() == text


def test_updating_writes_what_is_served_and_says_what_changed(
    findings_of: Callable[..., list[Finding]], served: dict[str, Signature], path: Path
) -> None:
    """New, changed, and unchanged are told apart; what was written is a warning, so that nobody overlooks the file."""
    (new,) = findings_of(served, update=True)
    assert (new.severity, new.fails) == ("warning", False)
    assert new.seen == "written: new, with other, serving_default - review the file and commit it"
    assert read_contract(path) == {name: served[name] for name in sorted(served)}
    written = path.stat().st_mtime_ns
    (same,) = findings_of(served, update=True)
    assert (same.passed, same.seen) == (True, "as agreed (other, serving_default); nothing to write")
    assert path.stat().st_mtime_ns == written
    (changed,) = findings_of({"serving_default": served["serving_default"]}, update=True)
    assert changed.seen.startswith("written: breaking: signature other: present -> absent (calls of it are refused)")
    (kept,) = findings_of({"serving_default": served["serving_default"]})
    assert kept.passed


def test_updating_writes_nothing_where_the_sources_differ(
    findings_of: Callable[..., list[Finding]], served: dict[str, Signature], path: Path
) -> None:
    """What is served over one API only is no agreement."""
    (finding,) = findings_of(served, rest={"other": served["other"]}, update=True)
    assert finding.fails
    assert finding.seen.startswith("not written: ")
    assert not path.exists()


def test_updating_where_nothing_can_be_written_fails(
    findings_of: Callable[..., list[Finding]], served: dict[str, Signature], path: Path
) -> None:
    """A directory that takes no file is an error with the reason, not a silent success."""
    path.parent.write_text("a file, no folder")
    (finding,) = findings_of(served, update=True)
    assert finding.fails
    assert "the contract was not written" in finding.seen
