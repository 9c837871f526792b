"""saved_model.pb read as the protobuf message it is, without TensorFlow's loader: milliseconds, not seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from harness.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["INTERNAL_PREFIX", "SAVED_MODEL_FILES", "pick_meta_graph", "read_saved_model", "saved_model_file"]

# What the loader looks for; the chunked form (.cpb) is a Riegeli file and cannot be read here.
SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt", "saved_model.cpb")

# Signatures that the TF2 loader calls itself, with outputs that have no dtype (behaviour item 75).
INTERNAL_PREFIX = "__saved_model_"

_LFS_POINTER = b"version https://git-lfs"


def saved_model_file(directory: Path) -> Path | None:
    """Return the file that makes a directory a SavedModel, None if it is not one."""
    return next((directory / name for name in SAVED_MODEL_FILES if (directory / name).is_file()), None)


def read_saved_model(directory: Path) -> Any:
    """Return the SavedModel message of a version directory.

    Raises:
        LayoutError: no such file, or it is empty, unreadable, a Git LFS pointer or no SavedModel.
    """
    path = saved_model_file(directory)
    if path is None:
        raise LayoutError(
            f"{directory} holds no saved_model.pb. A server would try to load it and fail;"
            " export the model there again, or remove the directory"
        )
    if path.suffix == ".cpb":
        raise LayoutError(f"{path} is a chunked SavedModel; export without experimental_image_format to have it served")
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise LayoutError(f"{path} cannot be read: {exc}. The server's user needs read permission") from exc
    return _parse(path, content)


def _parse(path: Path, content: bytes) -> Any:
    from harness.protos import saved_model_pb2

    if not content:
        raise LayoutError(f"{path} is empty (0 bytes): an export or a copy was cut short; export the model again")
    if content.startswith(_LFS_POINTER):
        raise LayoutError(f"{path} is a Git LFS pointer, not the model itself; fetch it with: git lfs pull")
    saved_model = saved_model_pb2.SavedModel()
    try:
        if path.suffix == ".pbtxt":
            text_format.Parse(content, saved_model)
        else:
            saved_model.ParseFromString(content)
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as exc:
        raise LayoutError(
            f"{path} ({len(content)} bytes) is not a SavedModel message ({exc}): it is damaged or another kind of"
            " file; export the model again"
        ) from exc
    if not saved_model.meta_graphs:
        raise LayoutError(f"{path} holds no graph: it is not what tf.saved_model.save writes; export the model again")
    return saved_model


def pick_meta_graph(saved_model: Any, tags: Iterable[str], *, path: Path) -> Any:
    """Return the graph with exactly these tags; a loader compares them as sets (behaviour item 93).

    Raises:
        LayoutError: there is none; the message names the tags that exist.
    """
    wanted = set(tags)
    present = [set(graph.meta_info_def.tags) for graph in saved_model.meta_graphs]
    for graph, graph_tags in zip(saved_model.meta_graphs, present, strict=True):
        if graph_tags == wanted:
            return graph
    existing = ", ".join(_braces(graph_tags) for graph_tags in present)
    raise LayoutError(
        f"{path} has no graph tagged {_braces(wanted)}; its tags are: {existing}."
        f" Start the server with --saved_model_tags={','.join(sorted(present[0]))}, or export with the wanted tags"
    )


def _braces(tags: Iterable[str]) -> str:
    return "{ " + " ".join(sorted(tags)) + " }"
