"""Copies of versions: a version that lies somewhere, published under another base path as well.

A copy is made out of hard links where the file system has them, and of real copies otherwise. Symbolic links would be
simpler, but lead nowhere inside a container that mounts the base path alone.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from harness.savedmodel.staging import publish

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["publish_copy"]


def publish_copy(source: Path, base_path: Path, *, version: int | None = None) -> Path:
    """Publish the SavedModel in a directory as a version of a base path: whole at once, never half.

    Args:
        source: the directory with saved_model.pb.
        base_path: the directory that holds the versions; made if need be.
        version: the number to publish as; None for the one after the highest in use.

    Returns:
        The new version directory.

    Raises:
        ExportError: the version is taken, or the base path cannot be written.
    """

    def write(staged: Path) -> None:
        shutil.copytree(source, staged, copy_function=_link_or_copy, dirs_exist_ok=True)

    return publish(base_path, write, version=version)


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one that has no hard links
        shutil.copy2(source, target)
    return target
