"""Parse the words, run the command, turn errors into exit codes."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NoReturn

from harness import __version__
from harness.cli import check, export, load, report, serve
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COULD_NOT_RUN", "INTERRUPTED", "main"]

COULD_NOT_RUN = 3
INTERRUPTED = 130

_COMMANDS = (export, serve, check, load, report)


class _Parser(argparse.ArgumentParser):
    """argparse ends with 2 on bad usage, which means ``inconclusive`` for a gate: use 3 throughout."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(COULD_NOT_RUN, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tfserving-harness",
        description="Integration tests and benchmarks for models served by TensorFlow Serving.",
        epilog="Exit codes: 0 success, 1 a check failed, 3 it could not run, 130 interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: the words after the program's name; None takes the process's own.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except HarnessError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
