"""What on disk keeps a server from serving a model: looked at only when it does not get ready."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.versions import version_directories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model_config import ModelConfig

__all__ = ["layout_cause", "missing_graph_cause"]

_GRAPHS = ("saved_model.pb", "saved_model.pbtxt")


def layout_cause(model: ModelConfig) -> str:
    """Return why no server could find the model's versions, empty if they are there."""
    base_path = Path(model.base_path)
    if not base_path.is_dir():
        return f"{base_path} is not a directory"
    if (base_path / "saved_model.pb").exists():
        return f"{base_path} is a version directory itself; its parent is the base path"
    there = _versions(model)
    if not there:
        return f"{base_path} has no numeric version directory"
    missing = sorted(set(model.versions) - set(there))
    if missing:
        return f"{base_path} has no version {', '.join(map(str, missing))}, which model {model.name} is to serve"
    return ""


def missing_graph_cause(models: Sequence[ModelConfig]) -> str:
    """Return why a server finds no saved_model.pb in a version: it is not there, or not for the server."""
    for model in models:
        for folder in _versions(model).values():
            if not any((folder / name).exists() for name in _GRAPHS):
                return (
                    f"{folder} has no saved_model.pb: half copied? Copy to another name first, then rename to the"
                    " number"
                )
    return (
        "saved_model.pb is there on this machine, but not for the server: is it a link, or closed to the server's user?"
        " --serving-model-transfer=copy follows links and opens all to everyone"
    )


def _versions(model: ModelConfig) -> dict[int, Path]:
    """Return the version directories; none if they cannot be listed, which the error's text shows anyway."""
    try:
        return version_directories(Path(model.base_path))
    except OSError:
        return {}
