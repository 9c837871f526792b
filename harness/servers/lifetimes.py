"""Every server that this process started, so that the end of the process ends them all.

Normal end: ``atexit``. SIGTERM and SIGHUP, whose default action would skip that: a handler stops the servers and then
lets the signal do what it would have done. SIGKILL: the guards see their pipe close (``harness.servers.guard``).

The handler works in a thread of its own, for the signal may have come while the main thread held a lock that stopping
needs, e.g. that of a pool of connections; should that lock stay held, the guards do the work.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, Protocol

from harness.scratch import remove_own_scratch

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["forget", "prepare", "remember", "stop_all"]


_PATIENCE_S = 10.0


class _Stoppable(Protocol):
    def stop(self) -> None: ...


_running: list[_Stoppable] = []
_lock = threading.RLock()
_owner_pid = 0


def remember(server: _Stoppable) -> None:
    """Stop this server at the latest when the process ends."""
    with _lock:
        prepare()
        _running.append(server)


def prepare() -> None:
    """Make this process answer for what it will start. To be called in the main thread if servers start in others."""
    global _owner_pid  # noqa: PLW0603 - the process's one registry of what it must stop
    with _lock:
        if _owner_pid != os.getpid():  # first server, or a forked child: what the parent runs is not ours
            _running.clear()
            _owner_pid = os.getpid()
            atexit.register(_end)
            _handle_signals()


def forget(server: _Stoppable) -> None:
    """The server has been stopped."""
    with _lock, contextlib.suppress(ValueError):
        _running.remove(server)


def stop_all() -> None:
    """Stop what this process still runs, the latest first."""
    if os.getpid() != _owner_pid:
        return
    while _running:
        server = _running.pop()
        with contextlib.suppress(Exception):  # the next one must be stopped all the same; the guards remain
            server.stop()


def _end() -> None:
    """Leave nothing behind."""
    if os.getpid() == _owner_pid:
        stop_all()
        remove_own_scratch()


def _handle_signals() -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # Python delivers signals to the main thread only; atexit and the guards remain
    for number in (signal.SIGTERM, signal.SIGHUP):
        previous = signal.getsignal(number)
        if previous in (signal.SIG_DFL, None):
            signal.signal(number, _stop_and_die)


def _stop_and_die(number: int, _frame: FrameType | None) -> Any:
    try:
        stopping = threading.Thread(target=_end, daemon=True)
        stopping.start()
        stopping.join(_PATIENCE_S)
    finally:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
