"""``tfserving-harness load``: how many requests a second a served model answers, and how long each takes.

Each way of measuring is a *mode*, a module of this package and a line in the table of `harness.cli.load.modes`.
"""

from harness.cli.load.command import add_options, run

__all__ = ["add_options", "run"]
