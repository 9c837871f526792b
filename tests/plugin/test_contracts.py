"""``--update-contracts`` and ``--serving-contracts``: what pytest writes, compares with, and refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def endpoint(addresses: dict[str, Any]) -> tuple[str, str]:
    """The options that name the running half_plus_two."""
    return "--model=half_plus_two", f"--serving-endpoint={addresses['grpc']},{addresses['rest']}"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A repository with its root here, and a folder below it."""
    pytester.makeini("[pytest]")
    pytester.mkdir("below")
    return pytester


def test_update_writes_below_the_root_and_the_next_run_compares(
    project: pytest.Pytester, run: Callable[..., pytest.RunResult], endpoint: tuple[str, str]
) -> None:
    """The file is in contracts/ of the root, wherever the tests are; the run tells of it, and the next agrees."""
    (project.path / "below" / "test_mine.py").write_text("def test_mine(): pass")
    result = run("below", *endpoint, "--update-contracts", "--serving-results=first.json")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["! contract of half_plus_two, contracts/half_plus_two.json: written: new, with *"])
    path = project.path / "contracts" / "half_plus_two.json"
    assert list(json.loads(path.read_text())["signatures"]) == ["classify_x_to_y", "regress_x_to_y", "serving_default"]
    again = run("below", *endpoint, "--serving-checks=contract", "--serving-results=second.json")
    again.assert_outcomes(passed=2)
    findings = json.loads((project.path / "second.json").read_text())["findings"]
    assert [one["seen"] for one in findings if one["subject"] == "contracts/half_plus_two.json -> served"] == [
        "as agreed (classify_x_to_y, regress_x_to_y, serving_default)"
    ]


def test_a_broken_contract_fails_the_run(
    project: pytest.Pytester, run: Callable[..., pytest.RunResult], endpoint: tuple[str, str]
) -> None:
    """A change that breaks callers fails the check's test, with what was agreed, the consequence and a curl line."""
    run(*endpoint, "--update-contracts").assert_outcomes(passed=1)
    path = project.path / "contracts" / "half_plus_two.json"
    path.write_text(path.read_text().replace('"x": {"dtype": "float32"', '"x": {"dtype": "int64"'))
    result = run(*endpoint)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "contract of half_plus_two: contracts/half_plus_two.json -> served: serving_default input x",
            "  seen:     int64 -> float32 (the server casts nothing: the dtype must match exactly)",
            "  again:    curl -s http://127.0.0.1:*/v1/models/half_plus_two/metadata",
        ]
    )


def test_a_directory_of_ones_own(
    project: pytest.Pytester, run: Callable[..., pytest.RunResult], endpoint: tuple[str, str]
) -> None:
    """``--serving-contracts`` says where; a directory that is not there is refused, but for writing."""
    refused = run(*endpoint, "--serving-contracts=agreed")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["ERROR: --serving-contracts *agreed: there is no such directory; --update-contrac*"])
    run(*endpoint, "--serving-contracts=agreed", "--update-contracts").assert_outcomes(passed=1)
    assert (project.path / "agreed" / "half_plus_two.json").is_file()
    assert not (project.path / "contracts").exists()


def test_updating_is_refused_in_continuous_integration(
    project: pytest.Pytester,
    run: Callable[..., pytest.RunResult],
    endpoint: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where CI is set nothing is written, and the run ends at once with the reason."""
    monkeypatch.setenv("CI", "true")
    result = run(*endpoint, "--update-contracts")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --update-contracts writes files for people to review and commit, so it does*"])
    assert not (project.path / "contracts").exists()


def test_an_update_that_no_check_would_do_is_refused(
    run: Callable[..., pytest.RunResult], endpoint: tuple[str, str]
) -> None:
    """Checks that leave the contract out and an order to write it contradict each other."""
    result = run(*endpoint, "--update-contracts", "--serving-checks=parity,inputs")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --update-contracts needs the check contract, which --serving-checks *inputs*"])
