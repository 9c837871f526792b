"""A guard between a test run and the server it started: when the run dies, however it dies, so does the server.

Run as a script: ``python guard.py process SCRATCH FD COMMAND...`` or ``python guard.py container SCRATCH NAME``.
Standard input is a pipe from the owner: its end, or another parent than the owner, means that the owner is gone (normal
end, signal, SIGKILL alike). Only the standard library is imported, so that a guard starts in some 20 ms.

In ``process`` form the guard starts the command in a process group of its own, writes the server's pid to the pipe FD,
and exits with the server's exit code (128 + N for signal N). In ``container`` form it removes the container of that
name when the owner is gone. Either way the owner's temporary directories, whose paths begin with SCRATCH, go last.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

_GRACE_S = 3.0
_LOOK_S = 1.0
_TRIES = 4
_PR_SET_PDEATHSIG = 1
# What the owner may say to the guard of a container.
_ALL_REMOVED, _LOOK_AND_END = b"r", b"l"


def _die_with_guard() -> None:
    """In the child: let Linux kill the server if the guard itself is killed. The guard has just one thread."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the group may have ended already
        os.killpg(pid, number)


def _let_the_owner_decide() -> None:
    """Survive the signals of a terminal. A handler, for ``SIG_IGN`` would be inherited by the server."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)


def _remove_scratch(prefix: str) -> None:
    import glob
    import shutil

    for path in glob.glob(f"{glob.escape(prefix)}*"):  # noqa: PTH207 - pathlib takes longer to import
        shutil.rmtree(path, ignore_errors=True)


class _Owner:
    """The process that started this guard; a forked child of it may hold the pipe open after its end."""

    def __init__(self) -> None:
        self.pipe = sys.stdin.fileno()
        self._pid = os.getppid()

    def says(self, wake_up: int | None = None) -> bytes | None:
        """Return what the owner says, an empty text if it is gone; None after a second or another wake-up."""
        readable, _, _ = select.select([self.pipe, *([] if wake_up is None else [wake_up])], [], [], _LOOK_S)
        if wake_up in readable:
            os.read(wake_up, 1024)  # type: ignore[arg-type] # None is never readable
        if self.pipe in readable:
            return os.read(self.pipe, 1)
        return b"" if os.getppid() != self._pid else None


def _guard_process(scratch: str, pid_pipe: int, command: list[str]) -> int:
    owner = _Owner()
    child_ended, wake_up = os.pipe()
    os.set_blocking(wake_up, False)
    signal.set_wakeup_fd(wake_up)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _let_the_owner_decide()
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_guard,  # noqa: PLW1509 - safe: the guard has one thread
    )
    os.write(pid_pipe, str(child.pid).encode())
    os.close(pid_pipe)
    is_gone = False
    while child.poll() is None and not is_gone:
        is_gone = owner.says(child_ended) == b""
    if is_gone:
        _signal_group(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):  # then the kill below ends it
            child.wait(_GRACE_S)
    _signal_group(child.pid, signal.SIGKILL)  # also what the server itself may have started
    code = child.wait()
    if is_gone:
        _remove_scratch(scratch)
    return code if code >= 0 else 128 - code


def guard_container(name: str, *, engine: str, scratch: str) -> subprocess.Popen[bytes]:
    """Start a guard for the container of that name, which need not exist yet: so there is no moment without one.

    Args:
        name: the container's.
        engine: the address of the Docker engine.
        scratch: how the paths of this process's temporary directories begin.
    """
    return subprocess.Popen(
        [sys.executable, "-I", __file__, "container", scratch, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "DOCKER_HOST": engine},
    )


def dismiss(guard: subprocess.Popen[bytes], *, all_removed: bool) -> None:
    """Let a guard end; if its container may still be there, it removes that first."""
    assert guard.stdin is not None  # noqa: S101 - it was started with a pipe
    with contextlib.suppress(OSError):  # somebody has killed it
        guard.stdin.write(_ALL_REMOVED if all_removed else _LOOK_AND_END)
    with contextlib.suppress(OSError):
        guard.stdin.close()
    guard.wait()


def _guard_container(scratch: str, name: str) -> int:
    _let_the_owner_decide()
    owner = _Owner()
    said = None
    while said is None:
        said = owner.says()
    if said == _ALL_REMOVED:
        return 0
    if said == _LOOK_AND_END:
        _is_removed(name)
        return 0
    for _ in range(_TRIES):  # the engine may still be making what the owner asked for last
        if _is_removed(name):
            break
        time.sleep(_LOOK_S)
    _remove_scratch(scratch)
    return 0


def _is_removed(name: str) -> bool:
    """Remove the container; what that cannot be done for is left to the next run."""
    import docker

    try:
        client = docker.from_env(use_ssh_client=os.environ.get("DOCKER_HOST", "").startswith("ssh://"))
        try:
            client.containers.get(name).remove(force=True, v=True)
        finally:
            client.close()
    except (docker.errors.DockerException, OSError) as exc:  # requests' errors are OSErrors
        return "is already in progress" in str(exc)
    return True


def main(arguments: list[str]) -> int:
    """Guard what the arguments say until it or the owner ends."""
    form, scratch, *rest = arguments
    if form == "process":
        return _guard_process(scratch, int(rest[0]), rest[1:])
    return _guard_container(scratch, rest[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
