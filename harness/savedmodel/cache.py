"""A cache of exports: an unchanged model is exported once per machine, however many processes ask for it.

An entry is ``<cache>/exports/<key>/<name>/<version>/saved_model.pb`` beside ``entry.json``, which lists the files and
their sizes and whose modification time says when it was last used. Entries appear by renaming, so that none is ever
seen half done; a file lock per key only saves other processes from doing the same work meanwhile. A hit costs
milliseconds and imports no TensorFlow.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from platformdirs import user_cache_path

from harness.errors import ExportError, LayoutError, SignatureError
from harness.savedmodel.cache_key import export_key
from harness.savedmodel.cache_prune import ENTRY_FILE, MAX_AGE_S, MAX_SIZE_BYTES, prune
from harness.savedmodel.layout import preflight
from harness.savedmodel.staging import replace_directory, staging_directory, sync_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

__all__ = ["CACHE_VARIABLE", "cache_directory", "cached_export"]

CACHE_VARIABLE = "TFSERVING_HARNESS_CACHE"


def cache_directory() -> Path:
    """Return where exports are kept: ``$TFSERVING_HARNESS_CACHE``, or the user's cache directory (XDG_CACHE_HOME)."""
    override = os.environ.get(CACHE_VARIABLE, "")
    return Path(override).expanduser().absolute() if override else user_cache_path("tfserving-harness")


def cached_export(
    build: Callable[[Path], object],
    *,
    key_parts: Iterable[Any],
    name: str,
    tags: Collection[str] = ("serve",),
    max_size_bytes: int = MAX_SIZE_BYTES,
    max_age_s: float = MAX_AGE_S,
) -> Path:
    """Return the base path of an export, made now if the cache has none for this key.

    Args:
        build: called with a base path to export to, e.g. ``lambda to: export(make_model(), to=to)``. It may export
            several versions. Its source file is part of the key.
        key_parts: what else decides the result: arguments, and Paths of source and weight files (see ``export_key``).
        name: the servable's name, the last component of the base path.
        tags: the tags that the exported graphs must have.
        max_size_bytes: how much the cache may hold; entries used longest ago go first.
        max_age_s: how long an unused entry is kept. Nothing used within the last day is removed.

    Returns:
        ``<cache>/exports/<key>/<name>``. It is shared: read it, do not export into it.

    Raises:
        ExportError: the cache cannot be written, or ``build`` left nothing there that a server could load.
    """
    key = export_key(build, [name, *key_parts])
    exports = cache_directory() / "exports"
    entry = exports / key[:32]
    base_path = _hit(entry, name, tags)
    if base_path is not None:
        return base_path
    _make_writable(exports)
    with FileLock(str(exports / f".{entry.name}.lock")):
        base_path = _hit(entry, name, tags)  # another process may have built it while this one waited
        if base_path is None:
            base_path = _build_entry(build, entry, name, tags)
    prune(exports, max_size_bytes=max_size_bytes, max_age_s=max_age_s)
    return base_path


def _hit(entry: Path, name: str, tags: Collection[str]) -> Path | None:
    """Return the entry's base path if it is whole, and note that it was used."""
    base_path = entry / name
    try:
        recorded = json.loads((entry / ENTRY_FILE).read_bytes())
        if recorded["files"] != _sizes(entry):
            return None
        preflight(base_path, tags=tags)
    except (OSError, ValueError, KeyError, TypeError, LayoutError, SignatureError):
        return None  # absent or broken: it is built anew
    with suppress(OSError):  # in a read-only cache nothing is pruned either
        os.utime(entry / ENTRY_FILE)
    return base_path


def _sizes(entry: Path) -> dict[str, int]:
    files = (path for path in entry.rglob("*") if path.is_file() and path != entry / ENTRY_FILE)
    return {path.relative_to(entry).as_posix(): path.stat().st_size for path in files}


def _make_writable(exports: Path) -> None:
    try:
        exports.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ExportError(f"the cache of exports {exports} cannot be made: {exc}. Set {CACHE_VARIABLE}") from exc
    if not os.access(exports, os.W_OK | os.X_OK):
        raise ExportError(
            f"the cache of exports {exports} cannot be written; set {CACHE_VARIABLE} to a directory of yours"
        )


def _build_entry(build: Callable[[Path], object], entry: Path, name: str, tags: Collection[str]) -> Path:
    with staging_directory(entry.parent, prefix=".building") as staged:
        build(staged / name)
        try:
            preflight(staged / name, tags=tags)
        except LayoutError as exc:
            raise ExportError(f"the builder of {name!r} left nothing that a server could load: {exc}") from exc
        description = {"name": name, "created_unix_s": int(time.time()), "files": _sizes(staged)}
        (staged / ENTRY_FILE).write_text(json.dumps(description, indent=1), encoding="utf-8")
        sync_tree(staged)
        replace_directory(staged, entry)
    return entry / name
