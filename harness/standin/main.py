"""The life of the process: read the flags, run the server, end with the genuine exit codes (behaviour items 7 to 9)."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from harness.standin import log
from harness.standin.flags import ParsedFlags, parse, unused_flags, usage
from harness.standin.process import die_with_parent, return_large_blocks_at_once, told_of_signals
from harness.standin.status import StatusError

__all__ = ["main"]

_SOURCE = "main.py"
_FAILED = 255


def main(arguments: list[str], program: str = "python -m harness.standin") -> int:
    """Run a server; returns the exit code if it could not start, else SIGTERM or SIGINT ends the process."""
    flags = parse(arguments)
    for text in flags.bad:
        log.error(_SOURCE, text)
    if flags.bad:
        _print(usage(program))
        return _FAILED
    if flags.version:
        _print_version()
        return 0
    if flags.unknown:  # the first is told, however many there are
        _print(f"unknown argument: {flags.unknown[0]}\n{usage(program)}")
    return _serve(flags)


def _print(text: str) -> None:
    sys.stdout.buffer.write(text.encode(errors="surrogateescape"))
    sys.stdout.buffer.flush()


def _print_version() -> None:
    from importlib.metadata import version

    from harness.standin import tf_runtime

    _print(f"TensorFlow ModelServer: {version('tensorflow-serving-api')}-standin\n")
    _print(f"TensorFlow Library: {tf_runtime.version()}\n")


def _serve(flags: ParsedFlags) -> int:
    signals = told_of_signals()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: _end(number, flags.grpc_socket_path))
    return_large_blocks_at_once()
    if flags.standin_die_with_parent:
        die_with_parent()
    for name in unused_flags(flags):
        log.warning(_SOURCE, f"--{name} is accepted, but this stand-in does nothing for it")
    from harness.standin.server import Server

    try:
        server = Server(flags)
    except StatusError as error:
        _print(f"Failed to start server. Error: {error}\n")
        return _FAILED
    while os.read(signals, 64):  # until one comes whose handler ends the process
        continue
    server.stop()
    return 0


def _end(number: int, socket_path: str) -> None:
    """Die of the signal at once, as the genuine server does; nothing is drained (item 22)."""
    if socket_path:
        Path(socket_path).unlink(missing_ok=True)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
