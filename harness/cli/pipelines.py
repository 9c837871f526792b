"""Pipelines: client code that a command line names, from a file's bytes to what its user sees."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from harness.cli.importing import find_callable
from harness.measure.breakdown import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.stages import StageClock

__all__ = ["DEFAULT_PIPELINE", "find_pipeline"]

DEFAULT_PIPELINE = "make_prediction"


def find_pipeline(text: str) -> Pipeline:
    """Return the pipeline of ``MODULE[:CALLABLE]``; one that takes no clock names no stages.

    Raises:
        UsageError: there is no such module or callable.
        ExportError: importing the module raised.
    """
    function = find_callable(text, default=DEFAULT_PIPELINE, wanted="one that takes a file's bytes and a client")
    name = text if ":" in text else f"{text}:{DEFAULT_PIPELINE}"
    return Pipeline(name=name, run=function if _takes_clock(function) else _without_clock(function))


def _takes_clock(function: Callable[..., Any]) -> bool:
    try:
        return "clock" in inspect.signature(function).parameters
    except ValueError:  # some of those written in C do not tell
        return False


def _without_clock(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(file: bytes, client: Any, *, clock: StageClock) -> Any:  # noqa: ARG001
        return function(file, client)

    return run
