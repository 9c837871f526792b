"""``tfserving-harness export``: any importable model becomes the next version under a base path."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.importing import find_callable
from harness.cli.server_options import Once
from harness.errors import ExportError, HarnessError, UsageError
from harness.savedmodel import export as export_model
from harness.savedmodel import preflight

if TYPE_CHECKING:
    import argparse

__all__ = ["add_options", "run"]

_WANTED = (
    "one that takes `to`, the base path, and exports, or one without arguments that returns a tf.Module or Keras model"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("model", metavar="MODULE[:CALLABLE]", help="e.g. models.digits; without CALLABLE: export")
    parser.add_argument("--out", action=Once, required=True, help="base path, e.g. build/digits")
    parser.add_argument("--version", action=Once, type=int, help="version number (default: the next one)")


def run(options: argparse.Namespace) -> int:
    """Export, and say what was exported."""
    out = Path(options.out).absolute()
    function = find_callable(options.model, default="export", wanted=_WANTED)
    _export(function, options.model, out, options.version)
    latest = preflight(out).latest
    print(f"exported {options.model} to {latest.path}")
    for signature in latest.signatures.values():
        if not signature.is_internal:
            print(f"  {signature.name} ({signature.method_name})")
            print(f"    takes   {'; '.join(map(str, signature.inputs)) or 'nothing'}")
            print(f"    answers {'; '.join(map(str, signature.outputs)) or 'nothing'}")
    return 0


def _export(function: Any, model: str, out: Path, version: int | None) -> None:
    """Call the user's function; what it raises is shown whole, for the fault is in the user's code.

    Raises:
        UsageError: it takes no version, but one was given.
        ExportError: it raised.
    """
    accepted = inspect.signature(function).parameters
    if version is not None and "to" in accepted and "version" not in accepted:
        raise UsageError(f"{model} takes no version, so --version {version} cannot be had; leave it out")
    try:
        if "to" not in accepted:
            export_model(function(), to=out, version=version)
        else:
            function(to=out, **({} if version is None else {"version": version}))
    except HarnessError:
        raise
    except Exception as exc:
        traceback.print_exc()
        raise ExportError(f"{model} raised {type(exc).__name__}: {exc} (its traceback is above)") from exc
