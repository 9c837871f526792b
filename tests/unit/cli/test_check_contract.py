"""``tfserving-harness check``: the contract it finds, writes, compares with, and refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ONLY = ("--only", "contract")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory of a machine at which a person sits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def check(cli: Callable[..., Any], addresses: dict[str, str]) -> Callable[..., Any]:
    """A function that checks the running half_plus_two."""

    def run(*words: str) -> Any:
        return cli("check", "--endpoint", addresses["both"], "--name", "half_plus_two", *words)

    return run


def test_update_writes_contracts_in_the_working_directory(check: Callable[..., Any], tmp_path: Path) -> None:
    """Without a name the file is contracts/NAME.json, the run says so, and the next one finds and keeps it."""
    assert "not looked at: there is no contract file; write contracts/half_plus_two.json with" in check(*ONLY).out
    written = check(*ONLY, "--update-contract")
    assert written.code == 0, written.err
    assert "warn  contract: contracts/half_plus_two.json: written: new, with classify_x_to_y" in written.out
    assert json.loads((tmp_path / "contracts" / "half_plus_two.json").read_text())["format"] == 1
    kept = check(*ONLY)
    assert kept.code == 0
    assert "pass  contract: contracts/half_plus_two.json -> served: as agreed (classify_x_to_y" in kept.out


def test_a_breaking_change_ends_with_1_and_a_compatible_one_with_0(check: Callable[..., Any], tmp_path: Path) -> None:
    """Both are said with their consequence; accepting the change says what it was and leaves nothing to complain of."""
    path = tmp_path / "mine.json"
    check(*ONLY, "--update-contract", "--contract", str(path))
    agreed = json.loads(path.read_text())
    outputs = agreed["signatures"]["serving_default"]["outputs"]
    outputs["y"]["shape"] = [None]
    path.write_text(json.dumps(agreed))
    broken = check(*ONLY, "--contract", str(path))
    assert broken.code == 1
    assert (
        f"FAIL  contract: {tmp_path.name}/mine.json -> served: serving_default output y: [?] -> unknown" in broken.out
    )
    outputs["y"]["shape"] = None
    del agreed["signatures"]["regress_x_to_y"]
    path.write_text(json.dumps(agreed))
    compatible = check(*ONLY, "--contract", str(path))
    assert compatible.code == 0
    assert "served: signature regress_x_to_y: absent -> present (nobody calls it yet) - no caller br" in compatible.out
    accepted = check(*ONLY, "--contract", str(path), "--update-contract")
    assert "mine.json: written: compatible: signature regress_x_to_y: absent -> present" in accepted.out
    assert "as agreed" in check(*ONLY, "--contract", str(path)).out


BAD = {
    "no such file": (("--contract", "nope.json"), "--contract nope.json: there is no such file; write it with"),
    "the check left out": (("--update-contract", "--only", "parity"), "--update-contract needs the check contract, wh"),
    "the check skipped": (("--update-contract", "--skip", "contract"), "--update-contract needs the check contract, "),
}  # fmt: skip


@pytest.mark.parametrize(("words", "text"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_done_ends_with_3(check: Callable[..., Any], words: tuple[str, ...], text: str) -> None:
    """Options that contradict each other, or name what is not there, end the run before anything is served."""
    ended = check(*words)
    assert ended.code == 3
    assert text in ended.err


def test_updating_is_refused_in_continuous_integration(
    check: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where CI is set nothing is written."""
    monkeypatch.setenv("CI", "true")
    ended = check("--update-contract")
    assert ended.code == 3
    assert (
        "--update-contract writes files for people to review and commit, so it does nothing in continuous" in ended.err
    )
    assert not list(tmp_path.iterdir())


def test_a_damaged_contract_ends_with_1_and_stays(check: Callable[..., Any], tmp_path: Path) -> None:
    """The file is named with what is wrong in it and the remedy; the other comparisons are still made."""
    (tmp_path / "contracts").mkdir()
    path = tmp_path / "contracts" / "half_plus_two.json"
    path.write_text('{"format": 1,')
    for words in ((), ("--update-contract",)):
        ended = check(*ONLY, *words)
        assert ended.code == 1
        assert f"FAIL  contract: contracts/half_plus_two.json: {path} is not a contract: it is not JSON: " in ended.out
        assert "pass  contract: gRPC metadata = REST metadata: the same" in ended.out
    assert path.read_text() == '{"format": 1,'
