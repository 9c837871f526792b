"""The built-in checks as tests: one for each check and each served model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.catalogue import run_check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.checks.catalogue import Check
    from harness.checks.subject import Subject
    from harness.findings import Finding

__all__ = ["test_served_model"]


def test_served_model(
    serving_check: Check, serving_subject: Subject, record_finding: Callable[[Iterable[Finding]], None]
) -> None:
    """The check finds no error in the served model."""
    record_finding(run_check(serving_check, serving_subject))
