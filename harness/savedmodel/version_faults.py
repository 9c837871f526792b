"""What can be wrong with a version directory as such: a file in its place, no permission, a model one level deeper."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.errors import LayoutError
from harness.savedmodel.proto import SAVED_MODEL_FILES, saved_model_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["look_over_version"]

_OTHER_MODELS = (".keras", ".h5", ".hdf5", ".tflite", ".onnx", ".pb")


def look_over_version(directory: Path, version: int) -> None:
    """Check that a version is a readable directory with a saved_model file, and that all its files can be read.

    Raises:
        LayoutError: it is not.
    """
    if not directory.is_dir():
        kind = "a broken symbolic link" if directory.is_symlink() else "a file"
        raise LayoutError(
            f"{directory} is {kind}, but a server takes it for version {version} and fails to load it; remove it, or"
            " put the SavedModel's directory in its place"
        )
    if not os.access(directory, os.R_OK | os.X_OK):
        raise LayoutError(f"{directory} cannot be listed: its permissions forbid it. Try: chmod -R u+rX {directory}")
    _refuse_unreadable(directory)
    if saved_model_file(directory) is None:
        raise LayoutError(_no_model_text(directory))


def _refuse_unreadable(directory: Path) -> None:
    """A server runs as root in its container, but as anybody elsewhere."""
    for path in sorted(directory.rglob("*")):
        needed = os.R_OK | os.X_OK if path.is_dir() else os.R_OK
        if not os.access(path, needed):
            raise LayoutError(f"{path} cannot be read: its permissions forbid it. Try: chmod -R u+rX {directory}")


def _no_model_text(directory: Path) -> str:
    text = f"{directory} holds no {SAVED_MODEL_FILES[0]}, so a server cannot load it."
    names = sorted(entry.name for entry in directory.iterdir())
    deeper = [name for name in names if (directory / name).is_dir() and saved_model_file(directory / name)]
    if deeper:
        return f"{text} It is one level too deep: move the files of {directory / deeper[0]} up into {directory}"
    others = [name for name in names if name.endswith(_OTHER_MODELS)]
    if others:
        return f"{text} {others[0]} is another format: load that model and export it as a SavedModel"
    if not names:
        return f"{text} It is empty: an export was cut short, or not yet done; remove it or export there again"
    return f"{text} It holds: {', '.join(names[:10])}. Export the model again"
