"""``tfserving-harness export``: any importable model becomes the next version under a base path."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.server_options import Once
from harness.errors import ExportError, UsageError
from harness.savedmodel import export as export_model
from harness.savedmodel import preflight

if TYPE_CHECKING:
    import argparse

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("export", help="export an importable model", description=__doc__)
    parser.add_argument("model", metavar="MODULE[:CALLABLE]", help="e.g. models.digits; without CALLABLE: export")
    parser.add_argument("--out", action=Once, required=True, help="base path, e.g. build/digits")
    parser.add_argument("--version", action=Once, type=int, help="version number (default: the next one)")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    out = Path(options.out).absolute()
    function = _find(options.model)
    accepted = inspect.signature(function).parameters
    if "to" in accepted:
        version = {} if options.version is None else {"version": options.version}
        function(to=out, **version)
    else:
        export_model(function(), to=out, version=options.version)
    latest = preflight(out).latest
    print(f"exported {options.model} to {latest.path}")
    for signature in latest.signatures.values():
        if not signature.is_internal:
            print(f"  {signature.name} ({signature.method_name})")
            print(f"    takes   {'; '.join(map(str, signature.inputs)) or 'nothing'}")
            print(f"    answers {'; '.join(map(str, signature.outputs)) or 'nothing'}")
    return 0


def _find(text: str) -> Any:
    """Return the callable of ``MODULE[:CALLABLE]``, looked up from the working directory as ``python -m`` would.

    Raises:
        UsageError: there is no such module or callable.
    """
    module_name, _, attribute = text.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name and module_name.startswith(exc.name):
            raise UsageError(f"no module {module_name!r} can be imported from {Path.cwd()}") from exc
        raise ExportError(f"importing {module_name!r} failed: {exc}") from exc
    finally:
        sys.path.remove(str(Path.cwd()))
    function = getattr(module, attribute or "export", None)
    if not callable(function):
        raise UsageError(
            f"{module_name} has no callable {attribute or 'export'!r}: one that takes `to`, the base path, and exports,"
            " or one without arguments that returns a tf.Module or Keras model"
        )
    return function
