"""Checks of a served model: each takes clients, never starts a server, and returns Findings."""

from harness.checks.compare import Mismatch, assert_close, compare
from harness.checks.goldens import Golden, check_golden, read_goldens, record_golden, write_golden
from harness.checks.guess import guess_inputs
from harness.checks.parity import check_parity
from harness.checks.request import Request
from harness.checks.tolerance import Tolerance

__all__ = [
    "Golden",
    "Mismatch",
    "Request",
    "Tolerance",
    "assert_close",
    "check_golden",
    "check_parity",
    "compare",
    "guess_inputs",
    "read_goldens",
    "record_golden",
    "write_golden",
]
