"""Parse the words, run the command, turn errors into exit codes."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from harness import __version__
from harness.errors import HarnessError
from harness.option_values import without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "COULD_NOT_RUN", "INTERRUPTED", "main", "make_parser"]

COULD_NOT_RUN = 3
INTERRUPTED = 130

# Each command is the module of that name; only the one that is called is imported, for gRPC and the report take time.
COMMANDS = {
    "export": "export an importable model",
    "serve": "serve a SavedModel until Ctrl-C",
    "demo": "a page where an image is dropped and seen marked",
    "check": "check a served SavedModel, with no code",
    "load": "measure rate and latency under load",
    "gate": "compare a candidate with a baseline, side by side",
    "report": "render results again",
}


class _Parser(argparse.ArgumentParser):
    """argparse ends with 2 on bad usage, which means ``inconclusive`` for a gate: use 3 throughout."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "allow_abbrev": False})

    def parse_args(self, words: Any = None, namespace: Any = None) -> Any:
        """Parse all words; of those that are no option's, a header's value is not shown."""
        options, unknown = self.parse_known_args(words, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(without_secrets(unknown))}")
        return options

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(COULD_NOT_RUN, f"{self.prog}: error: {message}\n")


def make_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser for these words: every command by name, and the options of those that the words name."""
    parser = _Parser(
        prog="tfserving-harness",
        description="Integration tests and benchmarks for models served by TensorFlow Serving.",
        epilog="Exit codes: 0 success, 1 a check failed, 2 inconclusive, 3 it could not run, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name in words:
            module = importlib.import_module(f"harness.cli.{name}")
            command.description = module.__doc__
            command.set_defaults(run=module.run)
            module.add_options(command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: the words after the program's name; None takes the process's own.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = make_parser(words).parse_args(words)
        options.words = without_secrets(words)
        code = int(options.run(options))
        sys.stdout.flush()
    except HarnessError as exc:
        # The library's texts name pytest's options; here the same ones have no prefix.
        print(f"error: {str(exc).replace('--serving-', '--')}", file=sys.stderr)
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, e.g. `| head`: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COULD_NOT_RUN
    except Exception as exc:  # noqa: BLE001 - Python would end with 1, which says that a check failed
        traceback.print_exc()
        print(f"error: unexpected {type(exc).__name__}: {exc}", file=sys.stderr)
        return COULD_NOT_RUN
    return code
