"""Importing: the callable that ``MODULE[:CALLABLE]`` names on a command line."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.errors import ExportError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["find_callable"]


def find_callable(text: str, *, default: str, wanted: str) -> Callable[..., Any]:
    """Return the callable of ``MODULE[:CALLABLE]``, looked up from the working directory as ``python -m`` would.

    Args:
        text: what was typed.
        default: the callable's name if none was typed.
        wanted: what it has to be, to end the error that there is none.

    Raises:
        UsageError: there is no such module or callable.
        ExportError: importing the module raised; its traceback is printed, for the fault is in the user's code.
    """
    module_name, _, attribute = text.partition(":")
    if not module_name or module_name.startswith(".") or "/" in module_name:
        raise UsageError(f"{text!r} is no importable module; write e.g. models.digits or models.digits:{default}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name and f"{module_name}.".startswith(f"{exc.name}."):
            raise UsageError(f"no module {module_name!r} can be imported from {Path.cwd()}") from exc
        raise ExportError(f"importing {module_name!r} failed: {exc}") from exc
    except Exception as exc:
        traceback.print_exc()
        raise ExportError(f"importing {module_name!r} raised {type(exc).__name__}: {exc}") from exc
    finally:
        sys.path.remove(str(Path.cwd()))
    function = getattr(module, attribute or default, None)
    if not callable(function):
        raise UsageError(f"{module_name} has no callable {attribute or default!r}: {wanted}")
    return cast("Callable[..., Any]", function)
