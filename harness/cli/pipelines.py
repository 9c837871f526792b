"""Pipelines: client code that a command line names, from a file's bytes to what its user sees."""

from __future__ import annotations

from harness.cli.importing import find_callable
from harness.measure.pipeline import Pipeline

__all__ = ["DEFAULT_PIPELINE", "find_pipeline"]

DEFAULT_PIPELINE = "make_prediction"


def find_pipeline(text: str) -> Pipeline:
    """Return the pipeline of ``MODULE[:CALLABLE]``.

    Raises:
        UsageError: there is no such module or callable.
        ExportError: importing the module raised.
    """
    function = find_callable(text, default=DEFAULT_PIPELINE, wanted="one that takes a file's bytes and a client")
    return Pipeline(name=text if ":" in text else f"{text}:{DEFAULT_PIPELINE}", function=function)
