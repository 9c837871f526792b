"""The list of checks, and how one is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.checks.catalogue import CHECKS, Check, choose_checks, run_check
from harness.checks.subject import Subject
from harness.errors import CheckError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.findings import Finding


# Checks with servers of their own are seen to pass by their own tests, on a quick server, and in tests/serving.
@pytest.mark.parametrize("check", [one for one in CHECKS if not one.starts_servers], ids=lambda check: check.name)
def test_every_check_passes_on_a_sound_model(check: Check, opened: Callable[..., Subject]) -> None:
    """No check finds an error in a model that is served as it should be, and each says something."""
    findings = run_check(check, opened("half_plus_two"))
    assert findings
    assert not [finding for finding in findings if finding.fails]
    assert {finding.check for finding in findings} == {check.name}


def test_names_choose_checks_in_their_own_order() -> None:
    """Whatever the order of the names, checks run in the catalogue's."""
    assert [check.name for check in choose_checks(["parity", "contract"], option="--only")] == ["contract", "parity"]


def test_no_name_chooses_all() -> None:
    """Without names every check is meant."""
    assert choose_checks([], option="--only") == CHECKS


def test_an_unknown_name_is_refused() -> None:
    """A misspelt check is an error that lists the right names."""
    with pytest.raises(UsageError, match=r"--only 'paritty' is no check; there are inputs, contract"):
        choose_checks(["paritty"], option="--only")


def _subject() -> Subject:
    return Subject(model="m", signatures={})


def _check(monkeypatch: pytest.MonkeyPatch, function: Callable[[Subject], list[Finding]]) -> Check:
    monkeypatch.setattr("harness.checks.inputs.check", function)
    return Check(name="inputs", asks="is it so?", module="harness.checks.inputs")


def test_what_keeps_a_check_from_running_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that cannot run fails the run, and its finding holds the reason."""

    def broken(_: Subject) -> list[Finding]:
        raise CheckError("no file")

    (finding,) = run_check(_check(monkeypatch, broken), _subject())
    assert finding.fails
    assert finding.seen == "CheckError: no file"


def test_a_check_that_finds_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check without findings is not silent: it says that there was nothing to look at."""
    (finding,) = run_check(_check(monkeypatch, lambda _: []), _subject())
    assert (finding.passed, finding.severity) == (True, "info")
    assert "nothing to look at" in finding.seen
