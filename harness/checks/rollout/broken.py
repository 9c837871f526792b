"""Versions that no server can load, made out of a good one: what a rollout gone wrong brings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.errors import LayoutError
from harness.savedmodel.proto import read_saved_model, saved_model_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["UNKNOWN_OP", "damage", "name_unknown_op"]

UNKNOWN_OP = "TfservingHarnessUnknownOp"
_DAMAGE = b"\xff" * 64  # no protobuf message begins like this, and it is long enough to be read as one


def name_unknown_op(version_dir: Path) -> bool:
    """Add an op to a version's graphs that no server has, as a model of a newer TensorFlow or with custom ops has them.

    Args:
        version_dir: a version whose files may be hard links of somebody else's: they are replaced, never written to.

    Returns:
        Whether it was done: not if the graph is in a form that cannot be read here.
    """
    try:
        saved_model = read_saved_model(version_dir)
    except LayoutError:
        return False
    for graph in saved_model.meta_graphs:
        graph.graph_def.node.add(name=UNKNOWN_OP, op=UNKNOWN_OP)
    for name in ("saved_model.pb", "saved_model.pbtxt"):
        (version_dir / name).unlink(missing_ok=True)
    _replace(version_dir / "saved_model.pb", saved_model.SerializeToString())
    return True


def damage(version_dir: Path) -> None:
    """Replace a version's graph by bytes that are none, as a copy gone wrong leaves them."""
    path = saved_model_file(version_dir)
    assert path is not None  # noqa: S101 - a version that is served has one
    _replace(path, _DAMAGE)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)
