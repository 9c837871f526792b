"""Modes: the ways in which the load command measures, one module each. This table is the seam.

A mode is a module with

    add_options(group)          adds its options to an argparse group
    asked(options) -> bool      whether this run is of this mode
    run(context)                an iterator that measures, and yields each row of `harness.results` as soon as it is had

and, if it wants to refuse options before anything is served, ``check(options)``; and ``sends_pools = False`` if it
needs no requests made for it. Ctrl-C ends an iterator with KeyboardInterrupt, errors of the harness end it as they are:
what it had yielded by then is reported all the same.
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

__all__ = ["MODES", "Mode", "add_mode_options", "all_modes", "chosen_mode"]

# What asks for a mode, and its module; the last one is what runs if nothing else is asked for.
MODES = {
    "--rate": "harness.cli.load.open_loop",
    "--slo": "harness.cli.load.slo",
    "--replay": "harness.cli.load.replay",
    "--scenario": "harness.cli.load.scenario",
    "--breakdown": "harness.cli.load.breakdown",
    "--pipeline": "harness.cli.load.pipeline",
    "--cold-start": "harness.cli.load.cold_start",
    "--soak": "harness.cli.load.soak",
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


def add_mode_options(group: argparse._ArgumentGroup) -> None:
    """Add the options of every mode."""
    owners: dict[str, list[argparse.Action]] = {}
    added = group._group_actions  # noqa: SLF001 - argparse tells nobody else what was added
    for option, mode in all_modes().items():
        before = len(added)
        mode.add_options(group)
        owners[option] = added[before:]
    group.set_defaults(mode_options=owners)


def chosen_mode(options: argparse.Namespace) -> Mode:
    """Return the mode that the options ask for, if it takes them.

    Raises:
        UsageError: they ask for several modes, or one of them belongs to another mode.
    """
    modes = all_modes()
    asked = [option for option, mode in modes.items() if mode.asked(options)]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} ask for different measurements; give one of them")
    chosen = asked[0] if asked else list(modes)[-1]
    for owner, actions in options.mode_options.items():
        for action in actions:
            if owner != chosen and getattr(options, action.dest) != action.default:
                raise UsageError(
                    f"{action.option_strings[0]} goes with {owner}, which is not asked for; give {owner}, or leave"
                    f" {action.option_strings[0]} out"
                )
    mode = modes[chosen]
    if hasattr(mode, "check"):
        mode.check(options)
    return mode
