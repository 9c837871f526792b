"""The key of a cached export: a hash of everything that decides what the export holds."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["export_key"]

# How a model is written decides what is written: another version of this package exports anew.
_OUR_SOURCE = Path(__file__).parent
_SCALARS = (str, bytes, int, float, bool, type(None))


def export_key(build: Callable[[Path], object], key_parts: Iterable[Any]) -> str:
    """Return the key as 64 hexadecimal digits.

    It covers the builder's source file, its name, the key parts, this package's own source and the versions of
    TensorFlow, Keras and Python.
    TensorFlow is not imported: its version is read from the installed package.

    Args:
        build: the function that exports; its source file is hashed whole.
        key_parts: what else decides the result. A Path is a file, or directory, whose content is hashed; text, bytes,
            numbers, None, NumPy arrays, and lists, tuples and mappings of them stand for themselves.

    Raises:
        ExportError: a file that does not exist, or a part of another type.
    """
    parts = [
        _OUR_SOURCE,
        *[f"{name} {_installed(name)}" for name in ("tensorflow", "tensorflow-cpu", "keras")],
        f"python {sys.version_info[0]}.{sys.version_info[1]}",
        getattr(build, "__qualname__", type(build).__qualname__),
        _source_file(build),
        list(key_parts),
    ]
    digest = hashlib.sha256()
    for chunk in _chunks(parts):
        digest.update(len(chunk).to_bytes(8, "little"))
        digest.update(chunk)
    return digest.hexdigest()


def _installed(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _source_file(build: Callable[[Path], object]) -> Path | None:
    """Return where the builder is written; None for one typed into a prompt, which its key parts must describe."""
    function = getattr(build, "func", build)  # of a functools.partial
    try:
        file = inspect.getsourcefile(inspect.unwrap(function))
    except TypeError:
        file = inspect.getsourcefile(type(function))
    return Path(file) if file is not None and Path(file).is_file() else None


def _chunks(part: Any) -> Iterable[bytes]:
    """Yield bytes that differ whenever the parts do: every value is preceded by its type, and a list by its length."""
    yield type(part).__name__.encode()
    if isinstance(part, Path):
        yield from _path_chunks(part)
    elif isinstance(part, _SCALARS):
        yield part if isinstance(part, bytes) else repr(part).encode()
    elif isinstance(part, np.ndarray):
        yield f"{part.dtype.str} {part.shape}".encode()
        yield repr(part.tolist()).encode() if part.dtype.hasobject else part.tobytes()
    elif isinstance(part, Mapping):
        yield from _chunks([item for key in sorted(part, key=repr) for item in (key, part[key])])
    elif isinstance(part, (list, tuple)):
        yield str(len(part)).encode()
        for item in part:
            yield from _chunks(item)
    else:
        raise ExportError(
            f"a {type(part).__name__} cannot be part of a cache key, since equal ones could not be told from different"
            " ones; give a Path, text, bytes, a number, an array, or lists and mappings of them"
        )


def _path_chunks(path: Path) -> Iterable[bytes]:
    """Hash content and relative names, so that a key does not depend on where a checkout lies."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(path).as_posix().encode()
                yield file.read_bytes()
    elif path.is_file():
        yield path.name.encode()
        yield path.read_bytes()
    else:
        raise ExportError(
            f"{path}, part of a cache key, does not exist; key parts that are paths are files to be hashed"
        )
