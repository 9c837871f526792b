"""Modes: the ways in which the load command measures, one module each. This table is the seam.

A mode is a module with

    add_options(group)          adds its options to an argparse group
    asked(options) -> bool      whether this run is of this mode
    run(context)                an iterator that measures, and yields each row of `harness.results` as soon as it is had

and, if it wants to refuse options before anything is served, ``check(options)``. Ctrl-C ends an iterator with
KeyboardInterrupt, errors of the harness end it as they are: what it had yielded by then is reported all the same.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from harness.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.cli.load.context import Context
    from harness.measure.rows import Row

__all__ = ["MODES", "Mode", "all_modes", "chosen_mode"]

# What asks for a mode, and its module; the last one is what runs if nothing else is asked for.
MODES = {
    "--concurrency": "harness.cli.load.closed_loop",
}


class Mode(Protocol):
    """A mode's module."""

    def add_options(self, group: argparse._ArgumentGroup) -> None:
        """Add its options."""

    def asked(self, options: argparse.Namespace) -> bool:
        """Return whether this run is of this mode."""

    def run(self, context: Context) -> Iterator[Row]:
        """Measure."""


def all_modes() -> dict[str, Mode]:
    """Return the modes by the option that asks for them, loading their modules."""
    return {option: cast("Mode", importlib.import_module(module)) for option, module in MODES.items()}


def chosen_mode(options: argparse.Namespace) -> Mode:
    """Return the mode that the options ask for.

    Raises:
        UsageError: they ask for several.
    """
    modes = all_modes()
    asked = [option for option, mode in modes.items() if mode.asked(options)]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} ask for different measurements; give one of them")
    return modes[asked[0]] if asked else list(modes.values())[-1]
