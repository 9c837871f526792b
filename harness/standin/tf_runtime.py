"""TensorFlow's C++ runtime without its Python package.

Serving needs the kernels and ``Session::Run``, nothing of Keras or ``tf.*``. Importing all of that takes 5 s or
more; the extension module that wraps the C API takes less than one. So, unless TensorFlow is imported already, bare
packages stand in for ``tensorflow`` and ``tensorflow.python`` while the wrapper loads, and leave again: a later
``import tensorflow`` runs as always and meets the same extension modules.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["c_api", "error_class", "status_code", "version"]

_LOCK = threading.Lock()
_LOADED: dict[str, Any] = {}

# TensorFlow's own log is kept to fatal errors; oneDNN's kernels are used as the genuine server uses them on the CPUs
# it is built for, so that their results and error texts are the same here whatever CPU this is.
_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}

# The canonical codes by number, as TensorFlow's exceptions carry them.
_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


@contextmanager
def _bare_packages() -> Iterator[None]:
    """Let ``tensorflow.python.client...`` be imported without running ``tensorflow/__init__.py``."""
    if "tensorflow" in sys.modules:
        yield
        return
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or not spec.submodule_search_locations:
        msg = "tensorflow is not installed, and the stand-in runs models with it: pip install tensorflow"
        raise ModuleNotFoundError(msg, name="tensorflow")
    root = next(iter(spec.submodule_search_locations))
    bare = {"tensorflow": root, "tensorflow.python": os.path.join(root, "python")}  # noqa: PTH118 - a search path
    for name, folder in bare.items():
        package = types.ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package
    sys.modules["tensorflow"].python = sys.modules["tensorflow.python"]  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for name in bare:
            sys.modules.pop(name, None)


def _load() -> dict[str, Any]:
    with _LOCK:
        if not _LOADED:
            for name, value in _ENVIRONMENT.items():
                os.environ.setdefault(name, value)
            with _bare_packages():
                session = importlib.import_module("tensorflow.python.client.pywrap_tf_session")
                errors = importlib.import_module("tensorflow.python.framework.errors_impl")
            _LOADED.update(c_api=session, errors=errors)
        return _LOADED


def c_api() -> Any:
    """The extension module with ``TF_NewSessionRef``, ``TF_SessionRun_wrapper`` and the rest of the C API."""
    return _LOADED.get("c_api") or _load()["c_api"]


def error_class() -> type[Exception]:
    """The base class of the exceptions that the C API raises."""
    errors = _LOADED.get("errors") or _load()["errors"]
    return errors.OpError  # type: ignore[no-any-return]


def status_code(error: Exception) -> str:
    """The canonical name of the code an exception of the C API carries."""
    number = getattr(error, "error_code", 2)
    return _CODES[number] if 0 <= number < len(_CODES) else "UNKNOWN"


def version() -> str:
    """The version of the TensorFlow library, e.g. ``2.21.0``."""
    return str(c_api().get_version())
