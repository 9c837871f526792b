"""Progress: what a long measurement tells while it runs: bars on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.progress import Progress as RichProgress
from rich.progress import ProgressColumn, TextColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

from harness.report.text import one_line, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Task

__all__ = ["SILENT", "Progress", "progress_on"]

_PHASES = {"warming": "warming up", "measuring": "measuring"}


class Progress(Protocol):
    """What runs tell; each of them begins, goes through phases, and ends."""

    def expect(self, runs: int) -> None:
        """Say how many runs there will be, as far as is known."""

    def begin(self, run: str, *, warmup_s: float, duration_s: float | None) -> None:
        """Say which run begins, and how long its parts may take; None if nobody knows."""

    def phase(self, name: str) -> None:
        """Say that a phase of the run begins: ``warming``, ``measuring`` or ``ended``."""

    def end(self, outcome: str) -> None:
        """Say what came of the run."""


class _Silent:
    def expect(self, runs: int) -> None: ...
    def begin(self, run: str, *, warmup_s: float, duration_s: float | None) -> None: ...
    def phase(self, name: str) -> None: ...
    def end(self, outcome: str) -> None: ...


SILENT: Progress = _Silent()
"""Tells nothing."""


@contextmanager
def progress_on(console: Console) -> Iterator[Progress]:
    """Yield what shows progress there until the block ends: bars if it is a terminal, else a line for each event."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    bars = _Bars(console)
    with bars.display:
        yield bars


class _Counted:
    """Counts runs, and keeps what the present one told."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._of = self._number = 0
        self._run = ""
        self._times_s: dict[str, float | None] = {}

    def expect(self, runs: int) -> None:
        self._of, self._number = runs, 0

    def begin(self, run: str, *, warmup_s: float, duration_s: float | None) -> None:
        self._run, self._number = run, self._number + 1
        self._times_s = {"warming": warmup_s, "measuring": duration_s}

    def end(self, outcome: str) -> None:
        self._console.print(Text(one_line(f"{self._label}: {outcome}")), soft_wrap=True)

    @property
    def _label(self) -> str:
        place = f"[{self._number}/{self._of}] " if self._of >= self._number else ""
        return place + self._run


class _Lines(_Counted):
    def phase(self, name: str) -> None:
        if name == "measuring":
            length_s = self._times_s[name]
            length = "" if length_s is None else f" {seconds(length_s)}"
            self._console.print(Text(f"{self._label}: measuring{length}"), soft_wrap=True)


class _Bars(_Counted):
    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.display = RichProgress(
            TextColumn("{task.description}", markup=False),
            _TimeBar(),
            _TimeLeft(),
            console=console,
            transient=True,
            refresh_per_second=4,  # to draw costs the machine that is measured
        )
        self._task = self.display.add_task("starting", visible=False)

    def begin(self, run: str, *, warmup_s: float, duration_s: float | None) -> None:
        super().begin(run, warmup_s=warmup_s, duration_s=duration_s)
        self._show("connecting", None)  # Rich takes None for "as before", so a task of unknown length gets 0

    def phase(self, name: str) -> None:
        if name in _PHASES:
            self._show(_PHASES[name], self._times_s[name])

    def end(self, outcome: str) -> None:
        self.display.update(self._task, visible=False)
        super().end(outcome)

    def _show(self, what: str, total_s: float | None) -> None:
        self.display.reset(
            self._task, description=one_line(f"{self._label}: {what}"), total=total_s or 0.0, visible=True
        )


class _TimeBar(ProgressColumn):
    """Fills as time passes: a run is as far as its clock."""

    def render(self, task: Task) -> ProgressBar:
        return ProgressBar(
            total=task.total,
            completed=min(task.elapsed or 0.0, task.total or 0.0),
            width=32,
            pulse=not task.total,
            animation_time=task.get_time(),
        )


class _TimeLeft(ProgressColumn):
    def render(self, task: Task) -> Text:
        if not task.total:
            return Text("")
        return Text(f"{seconds(max(0.0, task.total - (task.elapsed or 0.0)))} left")
