"""Files of results and reports: read with a clear error, written whole or not at all.

A file is written beside its target and renamed over it, so a reader never sees half of one and a full disk or a
killed process leaves the old one in place. `check_writable` asks the same questions before the work is done.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ReportError
from harness.results.codec import from_json, to_json

if TYPE_CHECKING:
    from harness.results.model import Results

__all__ = ["check_writable", "read_results", "write_results", "write_whole"]


def read_results(path: str | os.PathLike[str]) -> Results:
    """Read a results.json.

    Raises:
        ReportError: it cannot be opened, is not JSON, of another schema version, or does not fit the schema.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ReportError(f"cannot read results from {os.fspath(path)!r}: {error.strerror}; check the path") from error
    return from_json(content, source=os.fspath(path))


def write_results(results: Results, path: str | os.PathLike[str]) -> Path:
    """Write a results.json atomically and return its path; missing folders are made.

    Raises:
        ReportError: it cannot be written there, or a value has no place in JSON.
    """
    return write_whole(to_json(results), path)


def write_whole(content: bytes, path: str | os.PathLike[str]) -> Path:
    """Write a file that appears whole or not at all; missing folders are made, a symbolic link is followed.

    Raises:
        ReportError: it cannot be written there.
    """
    target = _target(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_and_rename(content, target)
    except OSError as error:
        raise _cannot_write(target, error.strerror or str(error)) from error
    return Path(path)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse, before any work is done, a target that could not be written after it. Leaves nothing behind.

    Raises:
        ReportError: the target is a folder or no regular file, is read-only, or its folder cannot be written or made.
    """
    target = _target(path)
    folder = target.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise _cannot_write(target, f"{folder} is not a folder")
    try:  # permission bits do not tell of read-only file systems, nor bind the superuser: only trying does
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _cannot_write(target, error.strerror or str(error)) from error


def _target(path: str | os.PathLike[str]) -> Path:
    """Return where a write would end up, refusing what a rename must not replace (devices, pipes, read-only files)."""
    if not os.fspath(path) or "\0" in os.fspath(path):
        raise ReportError(f"cannot write to {os.fspath(path)!r}: that is no file name; name a file")
    try:
        target = Path(os.path.realpath(path))
        exists = target.exists()
    except OSError as error:  # e.g. a name too long, or a folder that may not be searched
        raise ReportError(f"cannot write {os.fspath(path)!r}: {error.strerror}; choose another path") from error
    if target.is_dir():
        raise ReportError(f"cannot write {str(target)!r}: it is a folder; name a file inside it")
    if exists and not target.is_file():
        raise ReportError(f"cannot write {str(target)!r}: it is not a regular file; name one, or a new file")
    if exists and not os.access(target, os.W_OK):
        raise _cannot_write(target, "the file is read-only")
    return target


def _write_and_rename(content: bytes, target: Path) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(_usual_mode(target))
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def _usual_mode(target: Path) -> int:
    """Keep an existing file's mode; a new one gets what the umask leaves (mkstemp's 0600 would hide it from others)."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _cannot_write(target: Path, reason: str) -> ReportError:
    return ReportError(
        f"cannot write {str(target)!r}: {reason}; choose a path you may write to, or change its permissions"
    )
