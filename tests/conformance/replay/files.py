"""File actions: how a scenario changes models and configuration under a running server."""

from __future__ import annotations

import base64
import itertools
import shutil
from typing import TYPE_CHECKING, Any

from replay.corpus import MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from replay.place import Place

__all__ = ["act", "prepare"]

_COUNTER = itertools.count()


def prepare(place: Place, server: dict[str, Any]) -> None:
    """Lay out a scenario's folder: the models, the files and the set-up actions."""
    place.models.mkdir(parents=True)
    for name, versions in server["models"].items():
        for version in versions:
            shutil.copytree(MODELS / name / str(version), place.models / name / str(version))
    for name, text in server["files"].items():
        (place.work / name).write_text(place.fill(text), encoding="utf-8")
    for action in server.get("setup", []):
        act(place, action)


def act(place: Place, request: dict[str, Any]) -> None:
    """Carry out one action; what a server might see appears in one step."""
    _ACTIONS[request["action"]](place, place.work / request["path"], request)


def _add_version(place: Place, path: Path, request: dict[str, Any]) -> None:
    staged = _aside(place)
    shutil.copytree(MODELS / request["source"], staged)
    for name in request.get("without", []):
        target = staged / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    for name, data in request.get("files", {}).items():
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).write_bytes(base64.b64decode(data))
    path.parent.mkdir(parents=True, exist_ok=True)
    staged.rename(path)


def _remove(place: Place, path: Path, _request: dict[str, Any]) -> None:
    path.rename(_aside(place))


def _write(place: Place, path: Path, request: dict[str, Any]) -> None:
    staged = _aside(place)
    staged.write_text(place.fill(request["text"]), encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    staged.rename(path)


def _mkdir(_place: Place, path: Path, _request: dict[str, Any]) -> None:
    path.mkdir(parents=True)


def _rename(place: Place, path: Path, request: dict[str, Any]) -> None:
    path.rename(place.work / request["to"])


def _symlink(place: Place, path: Path, request: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(place.work / request["to"])


def _aside(place: Place) -> Path:
    """A new path outside everything the server looks at."""
    folder = place.work / "aside"
    folder.mkdir(exist_ok=True)
    return folder / str(next(_COUNTER))


_ACTIONS = {
    "add_version": _add_version,
    "remove": _remove,
    "write": _write,
    "mkdir": _mkdir,
    "rename": _rename,
    "symlink": _symlink,
}
