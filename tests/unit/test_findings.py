"""Findings: which of them make a run fail."""

from __future__ import annotations

import pytest

from harness.findings import Finding, Severity


@pytest.mark.parametrize("severity", ["error", "warning", "info"])
@pytest.mark.parametrize("passed", [True, False])
def test_only_errors_that_did_not_pass_fail(severity: Severity, passed: bool) -> None:  # noqa: FBT001 - a column
    """A finding fails the run if it did not pass and is an error."""
    finding = Finding(check="c", model="m", subject="s", passed=passed, severity=severity)
    assert finding.fails == (severity == "error" and not passed)
