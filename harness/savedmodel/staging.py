"""Publishing: a version directory appears under its base path all at once, or not at all.

A server polls the base path and loads a number as soon as it sees it, complete or not (behaviour item 91). So a
version is written under a hidden name, which no server takes for a version, flushed to the disk, and then renamed.
The rename also settles races: it fails if the number is taken, and then the next number is tried.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ExportError
from harness.versions import children_by_version, next_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["publish", "replace_directory", "staging_directory", "sync_file", "sync_tree"]

_TAKEN = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR})


def publish(base_path: Path, write: Callable[[Path], object], *, version: int | None = None) -> Path:
    """Write a version under a temporary name and rename it into place.

    Args:
        base_path: the directory that holds the versions; made, with its parents, if need be.
        write: called with an empty directory on the same file system, to be filled.
        version: the number to publish as, 0 or more; None for the one after the highest in use.

    Returns:
        The version directory, ``<base_path>/<version>``.

    Raises:
        ExportError: the version is taken, or the base path cannot be written.
    """
    _refuse_taken(base_path, version)
    with _made_directory(base_path), staging_directory(base_path) as staged:
        write(staged)
        sync_tree(staged)
        published = _rename_into_place(staged, base_path, version)
        sync_file(base_path)
    return published


def _refuse_taken(base_path: Path, version: int | None) -> None:
    """Say before the work is done what the rename would only say after it."""
    if version is None:
        return
    if isinstance(version, bool) or not isinstance(version, int) or not 0 <= version < 2**63:
        raise ExportError(f"version {version!r} cannot be served; a version is an integer from 0 to 2**63 - 1")
    taken = children_by_version(base_path) if base_path.is_dir() else {}
    if version in taken:
        raise ExportError(
            f"version {version} exists already: {base_path / taken[version][-1]}. A server never reloads a version it"
            " has loaded, so versions are not overwritten: leave version out to get the next number, or remove it"
        )


def _rename_into_place(staged: Path, base_path: Path, version: int | None) -> Path:
    while True:
        target = base_path / str(next_version(base_path) if version is None else version)
        try:
            os.rename(staged, target)  # noqa: PTH104 - Path.rename reads as if it could not replace a directory
        except OSError as exc:
            if exc.errno not in _TAKEN:
                raise ExportError(f"the finished version could not be renamed to {target}: {exc}") from exc
            _refuse_taken(base_path, version)  # otherwise another export took the number meanwhile: try the next
        else:
            return target


@contextmanager
def staging_directory(parent: Path, *, prefix: str = ".exporting") -> Iterator[Path]:
    """Yield a new hidden directory in ``parent``; whatever still has that name afterwards is removed.

    Raises:
        ExportError: the directory cannot be made.
    """
    staged = parent / f"{prefix}-{os.getpid()}-{secrets.token_hex(6)}"
    try:
        staged.mkdir()  # not mkdtemp: its 0700 would lock out a server that runs as another user
    except OSError as exc:
        raise ExportError(f"cannot write in {parent}: {exc}. Choose another directory or change its owner") from exc
    try:
        yield staged
    finally:
        if staged.exists():
            shutil.rmtree(staged, ignore_errors=True)


@contextmanager
def _made_directory(path: Path) -> Iterator[None]:
    """Make a directory and its parents; on failure remove again those that were made here and are empty."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        _remove_empty(missing)
        raise ExportError(f"the base path {path} cannot be made: {exc}. Choose another directory") from exc
    try:
        yield
    except BaseException:
        _remove_empty(missing)
        raise


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def replace_directory(staged: Path, target: Path) -> None:
    """Rename a finished directory over an old one, which is moved aside first and then removed."""
    with staging_directory(target.parent, prefix=".old") as aside:
        with suppress(FileNotFoundError):
            os.rename(target, aside / target.name)  # noqa: PTH104 - as above
        os.rename(staged, target)  # noqa: PTH104 - as above


def sync_tree(root: Path) -> None:
    """Flush every file and directory under ``root``, itself included, to the disk."""
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            sync_file(Path(folder, name))
        sync_file(Path(folder))


def sync_file(path: Path) -> None:
    """Flush one file or directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):  # some file systems sync no directories
            raise
    finally:
        os.close(descriptor)
