"""Running a SavedModel here, without a server, in a process of its own.

TensorFlow takes seconds to import, hundreds of megabytes, and the process with it if a model crashes: so never in this
one. The process ends with its work, with a time limit, with Ctrl-C, and with this one, however that ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import SavedModelError
from harness.savedmodel.local_calls import LocalJob, read_answer, read_reason
from harness.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from harness.savedmodel.local_calls import LocalAnswer, LocalCall

__all__ = ["run_locally"]

# The process imports what this one would import: the same sys.path, whatever the working directory holds.
_START = (
    "import sys; sys.path[:] = sys.argv[1].split(chr(10)); "
    "from pathlib import Path; from harness.savedmodel.local_worker import main; main(Path(sys.argv[2]))"
)
_TAIL_LINES = 12
_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # of a graphics card no more memory than needed: a server may be using it
}


def run_locally(
    version_dir: Path,
    calls: Sequence[LocalCall],
    *,
    tags: Collection[str] = ("serve",),
    environment: Mapping[str, str | None] | None = None,
    timeout_s: float = 300.0,
) -> list[LocalAnswer]:
    """Make calls of a SavedModel's signatures in a process of its own.

    Args:
        version_dir: the directory with saved_model.pb.
        calls: what to call, with what.
        tags: the tags of the graph to load.
        environment: variables that the process has other than this one; None takes one away.
        timeout_s: how long all of it may take, TensorFlow's import included.

    Returns:
        One answer for each call, in order; an error of a call is part of its answer.

    Raises:
        SavedModelError: the model cannot be loaded, the process broke, or was not done in time.
        TensorError: an input or output that cannot be held.
    """
    with scratch() as folder:
        job = LocalJob(
            version_dir=str(version_dir.absolute()), tags=tuple(tags), runs=tuple(call.runs for call in calls)
        )
        job.save(folder, calls)
        code = _run(folder, {**_ENVIRONMENT, **os.environ, **(environment or {})}, timeout_s)
        if code != 0:
            raise SavedModelError(read_reason(folder) or _broken(code, folder, timeout_s))
        return [read_answer(folder, number, runs=call.runs) for number, call in enumerate(calls)]


def _run(folder: Path, environment: Mapping[str, str | None], timeout_s: float) -> int | None:
    """Return the exit code of the process, None if it was not done in time."""
    paths = [str(Path(entry).resolve()) if entry in ("", ".") else entry for entry in sys.path]
    with (folder / "stderr.txt").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, "\n".join(paths), str(folder)],
            stdin=subprocess.PIPE,  # its end tells the process that we are gone
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={name: value for name, value in environment.items() if value is not None},
            start_new_session=True,  # a terminal's Ctrl-C reaches this process only, which then ends the other
        )
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            process.kill()  # without effect on one that has ended
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


def _broken(code: int | None, folder: Path, timeout_s: float) -> str:
    said = (folder / "stderr.txt").read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    tail = "\n".join(f"    | {line}" for line in said) or "    | (it wrote nothing)"
    return (
        f"the process that runs the model without a server {_how_it_ended(code, timeout_s)}\n  its last lines:\n{tail}"
    )


def _how_it_ended(code: int | None, timeout_s: float) -> str:
    if code is None:
        return f"was not done after {timeout_s:g} s"
    if code >= 0:
        return f"ended with code {code}"
    memory = " (out of memory?)" if -code == signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-code).name}{memory}"
