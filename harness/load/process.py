"""Running a worker process: start it, hear its phases, end it early on Ctrl-C, and never leave it behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

from harness.errors import HarnessError
from harness.load.job import Outcome
from harness.load.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.load.job import Job

__all__ = ["run_worker"]

# The worker imports what this process would import: the same sys.path, whatever the working folder holds. Nothing but
# the built-in sys may be imported before that.
_START = (
    "import sys; sys.path[:] = sys.argv[1].split(chr(10)); "
    "from pathlib import Path; from harness.load.worker import main; main(Path(sys.argv[2]))"
)
_SLACK_S = 30.0
_TAIL_LINES = 12


def run_worker(job: Job, *, on_phase: Callable[[str], None]) -> tuple[Samples, Outcome]:
    """Carry out a job in a process of its own.

    Args:
        job: what to do.
        on_phase: told ``warming``, ``measuring`` and ``ended`` as they begin.

    Returns:
        What was measured and how it ended; on Ctrl-C what had been measured by then.

    Raises:
        HarnessError: the worker broke, or did not end in time.
        KeyboardInterrupt: Ctrl-C came a second time.
    """
    with tempfile.TemporaryDirectory(prefix="tfserving-harness-load-") as name:
        folder = Path(name)
        job.save(folder)
        with (folder / "stderr.txt").open("w+b") as stderr:
            process = _start(folder, stderr)
            try:
                _follow(process, on_phase, most_s=_most_s(job))
            finally:
                process.kill()  # without effect on one that has ended
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    if pipe:
                        pipe.close()
        if process.returncode != 0:
            raise _broken(process.returncode, folder, _most_s(job))
        return Samples.load(folder / "samples.npz"), Outcome.load(folder)


def _start(folder: Path, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    paths = [str(Path(entry).resolve()) if entry in ("", ".") else entry for entry in sys.path]
    return subprocess.Popen(
        [sys.executable, "-c", _START, "\n".join(paths), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,  # a terminal's Ctrl-C reaches this process only, which then asks for an orderly end
    )


def _follow(process: subprocess.Popen[bytes], on_phase: Callable[[str], None], *, most_s: float) -> None:
    watchdog = threading.Timer(most_s, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        _hear(process, on_phase)
    except KeyboardInterrupt:
        if process.stdin:
            process.stdin.close()
        _hear(process, on_phase)
    finally:
        watchdog.cancel()


def _hear(process: subprocess.Popen[bytes], on_phase: Callable[[str], None]) -> None:
    for line in process.stdout or ():
        on_phase(line.decode().strip())
    process.wait()


def _most_s(job: Job) -> float:
    return (job.timing.warmup_bound_ns + job.timing.duration_ns) / 1e9 + 2 * job.timeout_s + _SLACK_S


def _broken(code: int, folder: Path, most_s: float) -> HarnessError:
    said = (folder / "stderr.txt").read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    tail = "\n".join(f"    | {line}" for line in said) or "    | (it wrote nothing)"
    what = f"was killed: out of memory, or no result after {most_s:.0f} s" if code == -9 else f"exited with code {code}"
    return HarnessError(f"the load worker {what}\n  its last lines:\n{tail}")
