"""Server processes: started by a command line, or forked from a warm parent that has everything imported."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CommandLauncher", "Launcher", "ServerProcess", "ZygoteLauncher", "listening"]

_REPOSITORY = Path(__file__).resolve().parents[3]
_ZYGOTE = Path(__file__).with_name("zygote.py")
_PAUSE_S = 0.02


class ServerProcess(Protocol):
    """A started server."""

    pid: int
    out: Path
    err: Path

    def exit_code(self) -> int | None:
        """How it ended, None while it runs; minus the signal's number if a signal ended it."""

    def kill(self) -> None:
        """End it at once and wait for its end."""


class Launcher(Protocol):
    """Starts servers."""

    program: str

    def start(self, arguments: Sequence[str], folder: Path) -> ServerProcess:
        """Start a server with these arguments; its output goes to files in ``folder``."""

    def close(self) -> None:
        """Start no more."""


def listening(process: ServerProcess, port: int) -> str:
    """Who listens on a port: ``own`` (the server), ``other`` or ``closed``."""
    with suppress(psutil.Error):
        for connection in psutil.Process(process.pid).net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                return "own"
    with socket.socket() as probe:
        probe.settimeout(1)
        return "closed" if probe.connect_ex(("127.0.0.1", port)) else "other"


class _Child:
    """A server started by its command line."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.out, self.err = folder / "stdout", folder / "stderr"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True, cwd=_REPOSITORY
            )
        self.pid = self._child.pid

    def exit_code(self) -> int | None:
        return self._child.poll()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._child.wait()


class CommandLauncher:
    """Starts any server by its command line."""

    def __init__(self, command: Sequence[str]) -> None:
        """Use these words in front of the flags."""
        self._command = list(command)
        self.program = self._command[0]

    def start(self, arguments: Sequence[str], folder: Path) -> _Child:
        """Start a server with these arguments; its output goes to files in ``folder``."""
        return _Child([*self._command, *arguments], folder)

    def close(self) -> None:
        """Nothing is kept."""


class _Forked:
    """A stand-in forked by the zygote."""

    def __init__(self, zygote: ZygoteLauncher, pid: int, folder: Path) -> None:
        self._zygote = zygote
        self.pid = pid
        self.out, self.err = folder / "stdout", folder / "stderr"

    def exit_code(self) -> int | None:
        return self._zygote.exit_code(self.pid)

    def kill(self) -> None:
        self._zygote.ask({"kill": self.pid})
        while self.exit_code() is None:
            time.sleep(_PAUSE_S)


class ZygoteLauncher:
    """Starts stand-ins by forking a process that has imported everything: 30 ms instead of more than a second.

    The child is a server process in every respect: own output files, own exit code, nothing shared but read-only
    memory. The zygote itself has one thread and has made no session, channel or socket when it forks.
    """

    program = "python -m harness.standin"

    def __init__(self) -> None:
        """Start the zygote; it ends when this process does."""
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(_REPOSITORY)}
        self._zygote = subprocess.Popen(
            [sys.executable, str(_ZYGOTE), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._socket = ours
        self._stream = ours.makefile("rw", encoding="utf-8")
        self._lock = threading.Lock()
        self._codes: dict[int, int] = {}

    def ask(self, request: dict[str, object]) -> dict[str, object]:
        """Send the zygote a request and return its answer."""
        with self._lock:
            self._stream.write(json.dumps(request) + "\n")
            self._stream.flush()
            line = self._stream.readline()
        if not line:
            raise RuntimeError(f"the zygote ended with code {self._zygote.wait()}; see its output above")
        answer: dict[str, object] = json.loads(line)
        return answer

    def start(self, arguments: Sequence[str], folder: Path) -> _Forked:
        """Start a stand-in with these arguments; its output goes to files in ``folder``."""
        for name in ("stdout", "stderr"):
            (folder / name).touch()
        pid = self.ask({"start": list(arguments), "out": str(folder / "stdout"), "err": str(folder / "stderr")})["pid"]
        assert isinstance(pid, int)
        return _Forked(self, pid, folder)

    def exit_code(self, pid: int) -> int | None:
        """The exit code of a child of the zygote, None while it runs."""
        code = self.ask({"code": pid})["code"]
        assert code is None or isinstance(code, int)
        return code

    def close(self) -> None:
        """End the zygote and what it forked."""
        with suppress(OSError):  # the zygote may have ended by itself
            self._stream.close()
        self._socket.close()
        self._zygote.wait()
