"""Edits of a saved graph's labels, which tf.saved_model.save offers no options for: tags and method names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ExportError
from harness.savedmodel.proto import read_saved_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["METHOD_NAMES", "edit_meta_graphs"]

# What SignatureDef.method_name holds for each API (behaviour items 65-68).
METHOD_NAMES = {
    "predict": "tensorflow/serving/predict",
    "classify": "tensorflow/serving/classify",
    "regress": "tensorflow/serving/regress",
}

# What a server demands of a signature before it answers that API: input names, output names of which some are there.
_SHAPES = {
    "classify": (frozenset({"inputs"}), frozenset({"classes", "scores"})),
    "regress": (frozenset({"inputs"}), frozenset({"outputs"})),
}


def edit_meta_graphs(directory: Path, *, tags: Iterable[str] | None, methods: Mapping[str, str]) -> None:
    """Set tags (None: as they are) and method names in a directory's saved_model.pb, and check the signatures.

    Raises:
        ExportError: a signature that does not exist, or that a server could not use for its API.
    """
    saved_model = read_saved_model(directory)
    before = saved_model.SerializeToString(deterministic=True)
    for graph in saved_model.meta_graphs:
        for signature, method in methods.items():
            _signature(graph, signature).method_name = METHOD_NAMES[method]
        for signature, signature_def in graph.signature_def.items():
            _refuse_unfit(signature, signature_def)
    if tags is not None:
        _set_tags(saved_model, list(tags))
    if saved_model.SerializeToString(deterministic=True) != before:
        Path(directory, "saved_model.pb").write_bytes(saved_model.SerializeToString())


def _set_tags(saved_model: Any, tags: list[str]) -> None:
    if not tags or not all(tags):
        raise ExportError(f"tags {tags!r}: a graph needs at least one tag, and a server asks for 'serve' by default")
    for graph in saved_model.meta_graphs:
        if set(graph.meta_info_def.tags) != set(tags):
            graph.meta_info_def.tags[:] = tags


def _signature(graph: Any, name: str) -> Any:
    if name not in graph.signature_def:
        raise ExportError(
            f"methods names signature {name!r}, but the model has: {', '.join(sorted(graph.signature_def))}"
        )
    return graph.signature_def[name]


def _refuse_unfit(name: str, signature_def: Any) -> None:
    """Classify and Regress demand exact names of inputs and outputs (behaviour items 65, 66)."""
    method = signature_def.method_name.rpartition("/")[2]
    if method not in _SHAPES:
        return
    inputs, outputs = set(signature_def.inputs), set(signature_def.outputs)
    wanted_inputs, known_outputs = _SHAPES[method]
    if inputs != wanted_inputs or not outputs or not outputs <= known_outputs:
        raise ExportError(
            f"signature {name!r} is for {method}, which needs the input 'inputs' and outputs out of"
            f" {sorted(known_outputs)}, but it has inputs {sorted(inputs)} and outputs {sorted(outputs)}"
        )
