"""Variables that a signature reads but nothing restores.

``tf.saved_model.save`` of a Keras 3 model (or of a tf.Module that holds one) writes two copies of each variable: one
that the signatures read and another that the checkpoint is restored into. TensorFlow's Python loader puts them together
again; a server does not, loads the version without complaint, and fails every request with "Could not find variable".
The graph alone shows it: a variable is sound if the restore operation or the initialiser depends on its handle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.savedmodel.proto import INTERNAL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["unrestored_text", "unrestored_variables"]

# Collections of a TF1 graph, and the signature of a TF2 one, that name the operation run after restoring.
_INITIALISER_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
_INITIALISER_SIGNATURE = "__saved_model_init_op"
_VARIABLE_OPS = frozenset({"AutoReloadVariable", "VarHandleOp", "Variable", "VariableV2"})


def unrestored_variables(graph: Any) -> dict[str, tuple[str, ...]]:
    """Return, for each signature of a MetaGraphDef that has any, the variables it reads and nothing restores, sorted.

    Variables that only function bodies name are not looked at: TensorFlow passes handles into functions.
    """
    nodes = {node.name: node for node in graph.graph_def.node}
    sound = _variables_behind(_writers(graph), nodes)
    found = {}
    for name, signature in graph.signature_def.items():
        if not name.startswith(INTERNAL_PREFIX):
            read = _variables_behind([info.name for info in signature.outputs.values()], nodes)
            found[name] = tuple(sorted(read - sound))
    return {name: variables for name, variables in sorted(found.items()) if variables}


def unrestored_text(signature: str, variables: tuple[str, ...]) -> str:
    """Return the message about one signature's variables, with the remedy."""
    return (
        f"signature {signature!r} reads variables that nothing restores ({', '.join(variables[:5])}), so a server would"
        ' load the version and then fail each request with "Could not find variable". tf.saved_model.save does this to'
        " Keras 3 models and modules that hold one: export the Keras model itself, with harness.export or model.export"
    )


def _writers(graph: Any) -> list[str]:
    """Return the operations that a loader runs before the first request."""
    names = [graph.saver_def.restore_op_name]
    for collection in _INITIALISER_COLLECTIONS:
        names += graph.collection_def[collection].node_list.value if collection in graph.collection_def else []
    if _INITIALISER_SIGNATURE in graph.signature_def:
        names += [info.name for info in graph.signature_def[_INITIALISER_SIGNATURE].outputs.values()]
    return names


def _variables_behind(tensor_names: Iterable[str], nodes: Mapping[str, Any]) -> set[str]:
    """Return the variables that tensors or operations depend on, by the name under which a session shares them."""
    pending = [_node_name(name) for name in tensor_names]
    seen: set[str] = set()
    variables = set()
    while pending:
        name = pending.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        node = nodes[name]
        pending += map(_node_name, node.input)
        if node.op in _VARIABLE_OPS:
            variables.add(node.attr["shared_name"].s.decode(errors="replace") or node.name)
    return variables


def _node_name(tensor_name: str) -> str:
    """Return ``a/b`` of ``a/b:0`` and of the control input ``^a/b``."""
    return tensor_name.removeprefix("^").partition(":")[0]
