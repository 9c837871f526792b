"""Running LoadGen in a process of its own, and what is said when that process ends otherwise than it should."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ConnectionFailedError, HarnessError, UsageError

if TYPE_CHECKING:
    from harness.load.job import Job
    from harness.load.mlperf.rules import Rules

__all__ = ["check_installed", "run_loadgen"]

# The worker imports what this process would import, whatever its working folder holds.
_START = (
    "import sys; sys.path[:] = sys.argv[1].split(chr(10)); "
    "from pathlib import Path; from harness.load.mlperf.worker import main; main(Path(sys.argv[2]))"
)
_GONE = 69  # as harness.load.mlperf.worker has it, which cannot be imported without LoadGen
_TAIL_LINES = 12
_END_S = 5.0


def check_installed() -> None:
    """Refuse to go on without LoadGen.

    Raises:
        UsageError: the extra is not installed.
    """
    if importlib.util.find_spec("mlperf_loadgen") is None:
        raise UsageError(
            "MLPerf scenarios need LoadGen (mlcommons-loadgen), which is not installed here; "
            "pip install 'tfserving-harness[mlperf]'"
        )


def run_loadgen(job: Job, rules: Rules, folder: Path) -> None:
    """Let LoadGen carry out a job; returns when its logs, and ``failures.json``, are in the folder.

    Args:
        job: where to, what, the most requests in flight, and how long each may take; its timing is not used.
        rules: the settings of the run.
        folder: an empty folder.

    Raises:
        UsageError: LoadGen is not installed.
        ConnectionFailedError: the server cannot be reached, or went away: LoadGen gives no verdict then.
        HarnessError: LoadGen, or the worker process, broke.
        KeyboardInterrupt: Ctrl-C; the worker process has ended.
    """
    check_installed()
    job.save(folder)
    rules.save(folder)
    paths = [str(Path(entry).resolve()) if entry in ("", ".") else entry for entry in sys.path]
    with (folder / "stderr.txt").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, "\n".join(paths), str(folder)],
            stdin=subprocess.PIPE,
            stdout=stderr,
            stderr=stderr,
            cwd=folder,
            start_new_session=True,  # a terminal's Ctrl-C reaches this process only, which then ends it
        )
    try:
        process.wait()
    finally:
        _end(process)
    _check(process.returncode, job, folder)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no process behind: ask it to end, and do not rely on it."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _check(code: int, job: Job, folder: Path) -> None:
    """Raise unless it ended well."""
    if code == _GONE:
        why = (folder / "gone.txt").read_text()
        raise ConnectionFailedError(
            f"{why}; LoadGen gives no verdict on a run without its server; see the server's log, start it again",
            target=job.targets[0],
            api="grpc" if job.engine == "http2" else "rest",
            request=f"an MLPerf scenario, {job.requests[0].method}",
        )
    if code != 0:
        said = (folder / "stderr.txt").read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        tail = "\n".join(f"    | {line}" for line in said) or "    | (it wrote nothing)"
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        raise HarnessError(f"the process of LoadGen {how}; no verdict can be read\n  its last lines:\n{tail}")
