"""The checks there are, in the order they run, and how one is run."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import HarnessError, UsageError
from harness.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.checks.subject import Subject

__all__ = ["CHECKS", "Check", "choose_checks", "run_check"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check, by name; its module is imported when it runs.

    Attributes:
        name: what users type and findings carry.
        asks: the question it answers, in one line.
        module: where its function ``check(subject) -> list[Finding]`` is.
        starts_servers: whether it starts servers of its own, and so takes seconds.
    """

    name: str
    asks: str
    module: str
    starts_servers: bool = False

    @property
    def function(self) -> Callable[[Subject], list[Finding]]:
        """The check itself."""
        found: Callable[[Subject], list[Finding]] = importlib.import_module(self.module).check
        return found


CHECKS: tuple[Check, ...] = (
    Check(name="inputs", asks="can every signature be exercised, and with what?", module="harness.checks.inputs"),
    Check(name="contract", asks="are the signatures the agreed ones everywhere?", module="harness.checks.contract"),
    Check(
        name="goldens", asks="do recorded requests still bring the recorded answers?", module="harness.checks.goldens"
    ),
    Check(name="local", asks="does it answer as it does without a server?", module="harness.checks.local"),
    Check(name="parity", asks="does REST answer the same as gRPC?", module="harness.checks.parity"),
    Check(
        name="batches",
        asks="is a batch the same as its rows one by one?",
        module="harness.checks.batches",
        starts_servers=True,
    ),
    Check(name="large", asks="do messages beyond 4 MiB get through?", module="harness.checks.large"),
    Check(
        name="fuzz",
        asks="are odd requests answered or refused as they should be, and does the server survive them?",
        module="harness.checks.fuzz",
        starts_servers=True,
    ),
    Check(
        name="warmup",
        asks="are its warm-up requests answered, and how slow is the first request?",
        module="harness.checks.warmup",
        starts_servers=True,
    ),
    Check(
        name="restart",
        asks="does it answer the same after a crash and a new start?",
        module="harness.checks.restart",
        starts_servers=True,
    ),
    Check(
        name="rollout",
        asks="does any request go wrong while versions come and go?",
        module="harness.checks.rollout",
        starts_servers=True,
    ),
)


def choose_checks(names: Iterable[str], *, option: str) -> tuple[Check, ...]:
    """Return the checks of these names in the order they run; all of them if no name is given.

    Args:
        names: the names asked for.
        option: the option that named them, for the error.

    Raises:
        UsageError: a name that is no check's.
    """
    wanted = list(names)
    known = {check.name for check in CHECKS}
    for name in wanted:
        if name not in known:
            raise UsageError(f"{option} {name!r} is no check; there are {', '.join(check.name for check in CHECKS)}")
    return tuple(check for check in CHECKS if not wanted or check.name in wanted)


def run_check(check: Check, subject: Subject) -> list[Finding]:
    """Run one check and return what it found: at least one finding.

    What keeps a check from running is a failed finding, not an exception.
    """
    began = time.perf_counter_ns()
    try:
        findings = check.function(subject)
    except HarnessError as exc:
        return [
            Finding(
                check=check.name,
                model=subject.model,
                subject="the check itself",
                passed=False,
                tried=f"find out: {check.asks}",
                expected="the check runs to its end",
                seen=f"{type(exc).__name__}: {exc}",
                duration_ns=time.perf_counter_ns() - began,
            )
        ]
    return findings or [subject.left_out(check.name, "all", "there was nothing to look at")]
