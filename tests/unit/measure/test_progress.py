"""What is shown of runs, on a terminal and elsewhere."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from harness.measure.progress import SILENT, progress_on

if TYPE_CHECKING:
    from harness.measure.progress import Progress


def _two_runs(progress: Progress) -> None:
    progress.expect(2)
    for run, duration_s in (("grpc, 1 in flight", 5.0), ("grpc, 2 in flight", None)):
        progress.begin(run, warmup_s=1.0, duration_s=duration_s)
        for phase in ("warming", "measuring", "ended"):
            progress.phase(phase)
        progress.end("100/s\x1b[2J")


def test_lines_where_there_is_no_terminal() -> None:
    """One when measuring begins and one with the outcome, with the number of the run; names cannot move the cursor."""
    console = Console(file=io.StringIO(), width=20)
    with progress_on(console) as progress:
        _two_runs(progress)
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "[1/2] grpc, 1 in flight: measuring 5.0 s",
        "[1/2] grpc, 1 in flight: 100/s\\x1b[2J",
        "[2/2] grpc, 2 in flight: measuring",
        "[2/2] grpc, 2 in flight: 100/s\\x1b[2J",
    ]


def test_a_bar_on_a_terminal() -> None:
    """It says the run, the phase and the time left, and leaves only the outcomes behind."""
    console = Console(file=io.StringIO(), width=120, force_terminal=True, _environ={})
    with progress_on(console) as progress:
        progress.expect(2)
        progress.begin("grpc, 1 in flight", warmup_s=1.0, duration_s=5.0)
        progress.phase("measuring")
        progress.display.refresh()  # type: ignore[attr-defined]
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        progress.end("100/s")
    assert "[1/2] grpc, 1 in flight: measuring" in shown
    assert " s left" in shown
    assert "[1/2] grpc, 1 in flight: 100/s\n" in console.file.getvalue()  # type: ignore[attr-defined]


def test_nothing_at_all() -> None:
    """Runs of other programs tell nobody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", None)
        _two_runs(SILENT)
