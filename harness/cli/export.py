"""``tfserving-harness export``: any importable model becomes the next version under a base path."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.server_options import Once
from harness.errors import ExportError, HarnessError, UsageError
from harness.savedmodel import export as export_model
from harness.savedmodel import preflight

if TYPE_CHECKING:
    import argparse

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("model", metavar="MODULE[:CALLABLE]", help="e.g. models.digits; without CALLABLE: export")
    parser.add_argument("--out", action=Once, required=True, help="base path, e.g. build/digits")
    parser.add_argument("--version", action=Once, type=int, help="version number (default: the next one)")


def run(options: argparse.Namespace) -> int:
    """Export, and say what was exported."""
    out = Path(options.out).absolute()
    function = _find(options.model)
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


def _find(text: str) -> Any:
    """Return the callable of ``MODULE[:CALLABLE]``, looked up from the working directory as ``python -m`` would.

    Raises:
        UsageError: there is no such module or callable.
    """
    module_name, _, attribute = text.partition(":")
    if not module_name or module_name.startswith(".") or "/" in module_name:
        raise UsageError(f"{text!r} is no importable module; write e.g. models.digits or models.digits:export")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name and module_name.startswith(exc.name):
            raise UsageError(f"no module {module_name!r} can be imported from {Path.cwd()}") from exc
        raise ExportError(f"importing {module_name!r} failed: {exc}") from exc
    except Exception as exc:
        traceback.print_exc()
        raise ExportError(f"importing {module_name!r} raised {type(exc).__name__}: {exc}") from exc
    finally:
        sys.path.remove(str(Path.cwd()))
    function = getattr(module, attribute or "export", None)
    if not callable(function):
        raise UsageError(
            f"{module_name} has no callable {attribute or 'export'!r}: one that takes `to`, the base path, and exports,"
            " or one without arguments that returns a tf.Module or Keras model"
        )
    return function
