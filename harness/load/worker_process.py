"""A worker process as its parent sees it: started, heard, spoken to, and never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.load.job import Job

__all__ = ["WorkerProcess"]

# The worker imports what this process would import: the same sys.path, whatever the working folder holds. Nothing but
# the built-in sys may be imported before that.
_START = (
    "import sys; sys.path[:] = sys.argv[1].split(chr(10)); "
    "from pathlib import Path; from harness.load.worker import main; main(Path(sys.argv[2]), *sys.argv[3:])"
)
_TAIL_LINES = 12


class WorkerProcess:
    """One worker process; see `harness.load.worker` for what it says and hears.

    Attributes:
        folder: where its job is, and what it leaves.
        phases: what it has told so far.
    """

    def __init__(self, job: Job, folder: Path, *, stays: bool = False) -> None:
        """Start it.

        Args:
            job: what to carry out.
            folder: is made, for the job and what the worker leaves.
            stays: carry the job out whenever asked, not once.
        """
        folder.mkdir()
        job.save(folder)
        self.folder = folder
        self.phases: list[str] = []
        paths = [str(Path(entry).resolve()) if entry in ("", ".") else entry for entry in sys.path]
        with (folder / "stderr.txt").open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _START, "\n".join(paths), str(folder), *["stays"] * stays],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # a terminal's Ctrl-C reaches this process only, which then asks for an end
            )
        self._heard = b""

    def fileno(self) -> int:
        """Return what can be read when it says something."""
        assert self.process.stdout  # noqa: S101 - this tells mypy
        return self.process.stdout.fileno()

    def hear(self) -> list[str] | None:
        """Return the lines it has said, None if it will say no more."""
        data = os.read(self.fileno(), 4096)
        *lines, self._heard = (self._heard + data).split(b"\n")
        return [line.decode() for line in lines] if data else None

    def tell(self, line: str) -> None:
        """Say something, if it still listens."""
        if self.process.stdin and not self.process.stdin.closed:
            with suppress(BrokenPipeError):
                self.process.stdin.write(f"{line}\n".encode())
                self.process.stdin.flush()

    def interrupt(self) -> None:
        """Ask for an early end."""
        if self.process.stdin:
            with suppress(BrokenPipeError):
                self.process.stdin.close()

    def close(self) -> None:
        """Leave nothing behind."""
        self.process.kill()  # without effect on one that has ended
        self.process.wait()
        self.interrupt()
        if self.process.stdout:
            self.process.stdout.close()

    def check(self, most_s: float) -> None:
        """Raise HarnessError unless it ended well."""
        code = self.process.returncode
        if code == 0:
            return
        said = (self.folder / "stderr.txt").read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        tail = "\n".join(f"    | {line}" for line in said) or "    | (it wrote nothing)"
        killed = f"was killed: out of memory, or no result after {most_s:.0f} s"
        raise HarnessError(
            f"the load worker {killed if code == -9 else f'exited with code {code}'}\n  its last lines:\n{tail}"
        )
