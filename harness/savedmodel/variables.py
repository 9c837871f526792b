"""The variables of a version: whether the checkpoint its graph needs is there, whole in number and not empty.

A version without its variables loads all the same and replaces the old one; only the requests fail then (behaviour
item 91).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["look_over_variables"]

_VARIABLE_OPS = frozenset({"AutoReloadVariable", "VarHandleOp", "Variable", "VariableV2"})
_SHARD = re.compile(r"variables\.data-(\d{5,})-of-(\d{5,})")
_REMEDY = "The copy or export is incomplete: copy the whole version directory again, or export the model again"


def look_over_variables(directory: Path, graph: Any) -> None:
    """Check the files under ``variables/`` against each other and against what the graph needs.

    Raises:
        LayoutError: the graph has variables, or an index lies there, and a file is missing or empty.
    """
    folder = directory / "variables"
    index = folder / "variables.index"
    shards = _shards(folder)
    if not index.exists() and not shards:
        if _restores_variables(graph):
            raise LayoutError(
                f"{index} is missing, but the graph has variables; a server would load the version and then fail every"
                f" request that reads them. {_REMEDY}"
            )
        return
    if not index.exists():
        raise LayoutError(f"{index} is missing, though {folder} holds the data that it indexes. {_REMEDY}")
    _refuse_incomplete(folder, shards)
    for path in (index, *shards.values()):
        _refuse_hollow(path)


def _shards(folder: Path) -> dict[tuple[int, int], Path]:
    """Return the data files by number and by how many there should be."""
    if not folder.is_dir():
        return {}
    matches = ((path, _SHARD.fullmatch(path.name)) for path in folder.iterdir())
    return {(int(match[1]), int(match[2])): path for path, match in matches if match is not None}


def _refuse_incomplete(folder: Path, shards: dict[tuple[int, int], Path]) -> None:
    if not shards:
        raise LayoutError(f"{folder}/variables.data-00000-of-00001 is missing, though its index is there. {_REMEDY}")
    count = max(total for _, total in shards)
    missing = [f"variables.data-{n:05d}-of-{count:05d}" for n in range(count) if (n, count) not in shards]
    if missing:
        raise LayoutError(f"{folder} lacks {', '.join(missing)}. {_REMEDY}")


def _refuse_hollow(path: Path) -> None:
    if path.stat().st_size == 0:
        raise LayoutError(f"{path} is empty (0 bytes). {_REMEDY}")
    with path.open("rb") as file:
        if file.read(23) == b"version https://git-lfs":
            raise LayoutError(f"{path} is a Git LFS pointer, not the data itself; fetch it with: git lfs pull")


def _restores_variables(graph: Any) -> bool:
    """Whether the loader restores variables: without a restore operation it takes the graph as it is."""
    if not graph.saver_def.restore_op_name:
        return False
    return any(node.op in _VARIABLE_OPS for node in _nodes(graph.graph_def))


def _nodes(graph_def: Any) -> Iterator[Any]:
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def
