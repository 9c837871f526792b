"""Read a SavedModel folder into a Session that is ready to run, step by step as TensorFlow's C++ loader does.

The steps: read ``saved_model.pb``, pick the MetaGraphDef with exactly the wanted tags, import its graph, restore the
variables, run the initialisation op with the assets fed. Errors have the C++ loader's texts (behaviour items 18, 93).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf import text_format
from google.protobuf.message import DecodeError

from harness.protos import meta_graph_pb2, saved_model_pb2
from harness.standin.session import Session
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LoadedModel", "load_saved_model", "read_meta_graph"]

# The C++ reader looks at this many bytes before it parses: a shorter file has an error of its own.
_SHORTEST_PB = 8
_INIT_SIGNATURE = "__saved_model_init_op"
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
_VARIABLES = Path("variables") / "variables"


@dataclass(frozen=True)
class LoadedModel:
    """A SavedModel in memory.

    Attributes:
        session: its graph, with variables restored.
        meta_graph: the MetaGraphDef it was loaded from, without the graph itself.
    """

    session: Session
    meta_graph: Any


def load_saved_model(path: Path, tags: Iterable[str], config: Any) -> LoadedModel:
    """Load the graph with exactly these tags from a version folder.

    Raises:
        StatusError: the files cannot be read or the graph cannot be set up; code and text as the C++ loader's.
    """
    meta_graph = read_meta_graph(path, tags)
    session = Session(meta_graph.graph_def, config)
    try:
        assets = _asset_feeds(path, meta_graph)
        _restore(session, path, meta_graph.saver_def, assets)
        init_op = _init_op(meta_graph)
        if init_op:
            session.run(assets, [], [init_op])
    except BaseException:
        session.close()
        raise
    kept = meta_graph_pb2.MetaGraphDef()
    kept.CopyFrom(meta_graph)
    kept.ClearField("graph_def")
    return LoadedModel(session, kept)


def read_meta_graph(path: Path, tags: Iterable[str]) -> Any:
    """Return the MetaGraphDef of a version folder whose tags are exactly the given ones."""
    wanted = set(tags)
    for meta_graph in _read_saved_model(path).meta_graphs:
        if set(meta_graph.meta_info_def.tags) == wanted:
            return meta_graph
    text = (
        f"Could not find meta graph def matching supplied tags: {{ {' '.join(sorted(wanted))} }}. To inspect "
        "available tag-sets in the SavedModel, please use the SavedModel CLI: `saved_model_cli`"
    )
    raise StatusError("NOT_FOUND", text)


def _read_saved_model(path: Path) -> Any:
    binary, text = path / "saved_model.pb", path / "saved_model.pbtxt"
    if binary.exists():
        return _parse_binary(binary)
    if text.exists():
        return _parse_text(text)
    raise StatusError(
        "NOT_FOUND",
        "Specified file path does not appear to contain a SavedModel bundle (should have a file called "
        f"`saved_model.pb`)\nSpecified file path: {path}",
    )


def _parse_binary(file: Path) -> Any:
    data = file.read_bytes()
    if len(data) < _SHORTEST_PB:
        raise StatusError("OUT_OF_RANGE", "Read less bytes than requested")
    try:
        return saved_model_pb2.SavedModel.FromString(data)
    except DecodeError:
        raise StatusError("DATA_LOSS", f"Can't parse {file} as binary proto") from None


def _parse_text(file: Path) -> Any:
    try:
        return text_format.Parse(file.read_bytes(), saved_model_pb2.SavedModel())
    except (text_format.ParseError, UnicodeDecodeError):
        raise StatusError("DATA_LOSS", f"Can't parse {file} as text proto") from None


def _asset_feeds(path: Path, meta_graph: Any) -> dict[str, np.ndarray[Any, Any]]:
    """The paths of the model's asset files, by the tensor that wants each."""
    assets = list(meta_graph.asset_file_def)
    if not assets and "saved_model_assets" in meta_graph.collection_def:
        for packed in meta_graph.collection_def["saved_model_assets"].any_list.value:
            asset = meta_graph_pb2.AssetFileDef()
            packed.Unpack(asset)
            assets.append(asset)
    folder = path / "assets"
    return {asset.tensor_info.name: _string(str(folder / asset.filename)) for asset in assets}


def _string(text: str) -> np.ndarray[Any, Any]:
    return np.array(text.encode(errors="surrogateescape"), dtype=object)


def _restore(session: Session, path: Path, saver: Any, assets: dict[str, np.ndarray[Any, Any]]) -> None:
    """Restore the variables; a folder without them is left alone, as by the C++ loader (behaviour item 91)."""
    prefix = path / _VARIABLES
    if not saver.restore_op_name or not prefix.with_name("variables.index").exists():
        return
    session.run({**assets, saver.filename_tensor_name: _string(str(prefix))}, [], [saver.restore_op_name])


def _init_op(meta_graph: Any) -> str:
    """The name of the operation that makes the model ready, empty if it needs none."""
    if _INIT_SIGNATURE in meta_graph.signature_def:
        outputs = meta_graph.signature_def[_INIT_SIGNATURE].outputs
        if _INIT_SIGNATURE not in outputs:
            raise StatusError("FAILED_PRECONDITION", f"Could not find output {_INIT_SIGNATURE}")
        return str(outputs[_INIT_SIGNATURE].name).partition(":")[0]
    for key in _INIT_COLLECTIONS:
        if key in meta_graph.collection_def:
            names = meta_graph.collection_def[key].node_list.value
            return str(names[0]).partition(":")[0] if names else ""
    return ""
