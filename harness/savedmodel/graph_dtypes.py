"""The float types that a signature computes in: those that the operations behind its outputs name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.dtypes import dtype_of_enum
from harness.errors import TensorError
from harness.savedmodel.proto import pick_meta_graph, read_saved_model

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

__all__ = ["graph_dtypes"]


def graph_dtypes(directory: Path, tensors: Iterable[str], *, tags: Collection[str] = ("serve",)) -> frozenset[str]:
    """Return the names of the float and complex dtypes on the way to some tensors of a graph, through its functions.

    Args:
        directory: the version directory.
        tensors: names in the graph, e.g. ``StatefulPartitionedCall:0``; those that it does not have are passed over.
        tags: the graph's tags.

    Raises:
        LayoutError: the file cannot be read, or has no such graph.
    """
    graph = pick_meta_graph(read_saved_model(directory), tags, path=directory).graph_def
    nodes = {node.name: node for node in graph.node}
    functions = {function.signature.name: function.node_def for function in graph.library.function}
    waiting = [_node_of(tensor) for tensor in tensors]
    called: list[str] = []
    seen: set[str] = set()
    numbers: set[int] = set()
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in seen:
            seen.add(name)
            waiting += map(_node_of, nodes[name].input)
            numbers.update(_types(nodes[name]))
            called += _calls(nodes[name])
    numbers |= _types_in_functions(called, functions)
    return frozenset(name for number in numbers if (name := _float_name(number)))


def _types_in_functions(called: list[str], functions: dict[str, Any]) -> set[int]:
    """Return the types that functions name, and the functions that these call."""
    numbers: set[int] = set()
    seen: set[str] = set()
    while called:
        name = called.pop()
        if name in functions and name not in seen:
            seen.add(name)
            for node in functions[name]:
                numbers.update(_types(node))
                called += _calls(node)
    return numbers


def _node_of(tensor: str) -> str:
    """Return the node of ``name:0``, or of the control input ``^name``."""
    return tensor.partition(":")[0].removeprefix("^")


def _types(node: Any) -> Iterator[int]:
    for value in node.attr.values():
        if value.type:
            yield value.type
        yield from value.list.type


def _calls(node: Any) -> Iterator[str]:
    yield node.op  # a function may be called as if it were an operation
    for value in node.attr.values():
        if value.func.name:
            yield value.func.name
        yield from (one.name for one in value.list.func)


def _float_name(number: int) -> str:
    try:
        dtype = dtype_of_enum(number)
    except TensorError:
        return ""  # references to variables, whose reads name the dtype itself
    return dtype.name if dtype.kind in {"float", "complex"} else ""
