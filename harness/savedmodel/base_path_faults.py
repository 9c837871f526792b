"""What can be wrong with a base path before any version in it is opened: a file, a version, or nothing numbered."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.errors import LayoutError
from harness.savedmodel.proto import saved_model_file
from harness.versions import children_by_version, look_alikes, parse_version

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["look_over_base_path"]

_EXPORT_KERAS = (
    "Load and export it: from harness import export; export(keras.models.load_model({path!r}), to='build/NAME')"
)
_KERAS = ("a Keras file", _EXPORT_KERAS)
_ARCHIVE = ("an archive", "Unpack it, and name the directory that holds the numbered version directories")
_TORCH = ("a PyTorch file", "TensorFlow Serving cannot serve it; convert the model to a SavedModel first")

# What people have at hand instead of a base path: what it is, and what to do with it.
_FILE_KINDS = {
    ".keras": _KERAS,
    ".h5": _KERAS,
    ".hdf5": _KERAS,
    ".tflite": (
        "a TensorFlow Lite model",
        "A server takes the SavedModel it was converted from; export that one instead",
    ),
    ".onnx": ("an ONNX model", "Convert it to a SavedModel (e.g. with onnx2tf), or export the original model"),
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".zip": _ARCHIVE,
    ".tar": _ARCHIVE,
    ".gz": _ARCHIVE,
    ".tgz": _ARCHIVE,
    ".pb": (
        "a single graph file",
        "A frozen graph must be exported as a SavedModel first (harness.savedmodel.export_v1)",
    ),
    ".index": ("a checkpoint's index", "Restore the checkpoint into its model and export that"),
    ".ckpt": ("a checkpoint", "Restore the checkpoint into its model and export that"),
}


def look_over_base_path(path: Path) -> None:
    """Check that a directory exists, can be listed and holds a numbered child.

    Raises:
        LayoutError: it does not; the message offers the right call where it can be guessed.
    """
    if not path.exists():
        raise LayoutError(_missing_text(path))
    if not path.is_dir():
        raise LayoutError(_file_text(path))
    if not os.access(path, os.R_OK | os.X_OK):
        raise LayoutError(f"{path} cannot be listed: its permissions forbid it. Try: chmod u+rx {path}")
    if not children_by_version(path):
        raise LayoutError(_savedmodel_text(path) if saved_model_file(path) is not None else _no_version_text(path))


def _missing_text(path: Path) -> str:
    if path.is_symlink():
        return f"the base path {path} is a symbolic link to {os.readlink(path)}, which does not exist"  # noqa: PTH115
    existing = next(folder for folder in path.parents if folder.exists())
    beside = sorted(entry.name for entry in existing.iterdir()) if os.access(existing, os.R_OK) else []
    held = f"; {existing} holds: {', '.join(beside[:10])}" if existing == path.parent and beside else ""
    return f"the base path {path} does not exist{held}. Check the spelling, or export the model there first"


def _file_text(path: Path) -> str:
    if path.name.startswith("saved_model."):
        return f"{path} is the file inside a version; give its base path instead: {path.parent.parent}"
    kind, remedy = _FILE_KINDS.get(path.suffix.lower(), ("a file", "Export the model as a SavedModel first"))
    return (
        f"{path} is {kind}, but a server loads directories: BASE_PATH/1/saved_model.pb. {remedy.format(path=str(path))}"
    )


def _savedmodel_text(path: Path) -> str:
    version = parse_version(path.name)
    if version is None:
        return (
            f"{path} is a SavedModel itself, not a base path: a server looks for it in a numbered directory, e.g."
            f" {path}/1, and would wait for one without end. Use harness.savedmodel.as_base_path to have it staged"
            " so, or move its files there"
        )
    return (
        f"{path} is version {version} of a model, not its base path, and a server would wait without end for"
        f" numbered directories in it. Give its parent: preflight({str(path.parent)!r}, versions=[{version}])"
    )


def _no_version_text(path: Path) -> str:
    names = sorted(entry.name for entry in path.iterdir())
    text = f"{path} holds no numbered version directory such as {path}/1, and a server would wait for one without end."
    meant = look_alikes(names)
    if meant:
        return f"{text} These look like versions but are not, since the whole name must be a number: {', '.join(meant)}"
    below = [name for name in names if (path / name).is_dir() and _holds_version(path / name)]
    if below:
        return f"{text} Is one of these the base path? {', '.join(str(path / name) for name in below)}"
    if not names:
        return f"{text} It is empty: export the model there first"
    return f"{text} It holds: {', '.join(names[:10])}"


def _holds_version(path: Path) -> bool:
    return os.access(path, os.R_OK | os.X_OK) and bool(children_by_version(path))
