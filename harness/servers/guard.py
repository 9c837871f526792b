"""A guard between a test run and the server it started: when the run dies, however it dies, so does the server.

Run as a script: ``python guard.py process FD COMMAND...`` or ``python guard.py container NAME``. Standard input is a
pipe from the owner that carries nothing: its end means that the owner is gone (normal end, signal, SIGKILL alike). Only
the standard library is imported, so that a guard starts in some 20 ms.

In ``process`` form the guard starts the command in a process group of its own, writes the server's pid to the pipe FD,
and exits with the server's exit code (128 + N for signal N). In ``container`` form it removes the container of that
name when the owner is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys

_GRACE_S = 3.0
_PR_SET_PDEATHSIG = 1


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


def _guard_process(pid_pipe: int, command: list[str]) -> int:
    owner = sys.stdin.fileno()
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
    while child.poll() is None:
        readable, _, _ = select.select([owner, child_ended], [], [])
        if owner in readable and not os.read(owner, 1024):
            _signal_group(child.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):  # then the kill below ends it
                child.wait(_GRACE_S)
            break
        if child_ended in readable:
            os.read(child_ended, 1024)
    _signal_group(child.pid, signal.SIGKILL)  # also what the server itself may have started
    code = child.wait()
    return code if code >= 0 else 128 - code


def guard_container(name: str) -> subprocess.Popen[bytes]:
    """Start a guard for the container of that name, which need not exist yet: so there is no moment without one."""
    return subprocess.Popen(
        [sys.executable, "-I", __file__, "container", name], stdin=subprocess.PIPE, start_new_session=True
    )


def dismiss(guard: subprocess.Popen[bytes]) -> None:
    """Let a guard end; it removes what is still there."""
    if guard.stdin is not None:
        guard.stdin.close()
    guard.wait()


def _guard_container(name: str) -> int:
    _let_the_owner_decide()
    while os.read(sys.stdin.fileno(), 1024):
        pass
    import docker

    client = docker.from_env()
    try:
        client.containers.get(name).remove(force=True, v=True)
    except docker.errors.NotFound:
        pass  # removed in the normal way
    finally:
        client.close()
    return 0


def main(arguments: list[str]) -> int:
    """Guard what the arguments say until it or the owner ends."""
    form, *rest = arguments
    if form == "process":
        return _guard_process(int(rest[0]), rest[1:])
    return _guard_container(rest[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
