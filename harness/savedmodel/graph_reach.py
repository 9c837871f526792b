"""Where a tensor goes in a saved graph: the operations that take it as it came, whatever only carries it between.

A string input's dtype says nothing of what the strings should be; the operation at the other end of the wire does
(ParseExample, DecodeJpeg ...). The way there leads through identities, stacks, loops over the rows and calls of
functions, all of which are followed. Pure: reads MetaGraphDef messages, knows no TensorFlow.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.errors import TensorError
from harness.tensors import from_proto

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np

__all__ = ["Reach", "Use"]

# Operations that hand elements on unchanged. Those of lists and arrays carry the rows of a batch through a loop.
_CARRIERS = frozenset(
    {"Identity", "Snapshot", "StopGradient", "PreventGradient", "PlaceholderWithDefault", "EnsureShape"}
    | {"Reshape", "Squeeze", "ExpandDims", "Pack", "Unpack", "ConcatV2", "Split", "SplitV", "Tile"}
    | {"Slice", "StridedSlice", "Gather", "GatherV2", "GatherNd", "Select", "SelectV2"}
    | {"TensorListFromTensor", "TensorListGetItem", "TensorListStack", "TensorListGather"}
    | {"TensorArrayScatterV3", "TensorArrayReadV3", "TensorArrayGatherV3"}
    | {"Enter", "Exit", "Switch", "Merge", "NextIteration"}
)
# Operations that call functions: the attributes that name them, and how many inputs come before the functions' own.
_CALLS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "PartitionedCall": (("f",), 0),
    "StatefulPartitionedCall": (("f",), 0),
    "TPUPartitionedCall": (("f",), 0),
    "If": (("then_branch", "else_branch"), 1),
    "StatelessIf": (("then_branch", "else_branch"), 1),
    "Case": (("branches",), 1),
    "StatelessCase": (("branches",), 1),
    "While": (("body",), 0),
    "StatelessWhile": (("body",), 0),
}
_DEEPEST = 40  # calls within calls; graphs have a handful
_CONSTANT_CARRIERS = frozenset({"Identity", "Snapshot", "StopGradient", "EnsureShape"})

_ANY = None  # every output of a node
_Tensor = tuple[str, "str | None"]  # a node's name, and one of its outputs


@dataclass(frozen=True, eq=False)
class Use:
    """An operation that takes the tensor as one of its inputs.

    Attributes:
        node: its NodeDef.
        position: which input it is.
        scope: where it stands, to find the node's other inputs.
    """

    node: Any
    position: int
    scope: _Scope

    @property
    def op(self) -> str:
        """The operation's name, e.g. ``DecodeJpeg``."""
        return str(self.node.op)

    def constant(self, position: int) -> np.ndarray | None:
        """Return one of the node's inputs if it is a constant of the graph, None if it is computed."""
        inputs = [name for name in self.node.input if not name.startswith("^")]
        return self.scope.constant(inputs[position]) if position < len(inputs) else None


class Reach:
    """A saved graph with its functions, asked where tensors go on their way to some outputs."""

    def __init__(self, meta_graph: Any, outputs: Iterable[str] = ()) -> None:
        """Keep a MetaGraphDef; its nodes are sorted when they are needed.

        Args:
            meta_graph: the graph with its functions.
            outputs: tensors of the graph, e.g. a signature's outputs: what does not lead to one of them is not looked
                at, since signatures may share their inputs. Without any, everything is.
        """
        self._graph_def = meta_graph.graph_def
        self._outputs_wanted = tuple(outputs)

    @cached_property
    def _functions(self) -> dict[str, Any]:
        return {function.signature.name: function for function in self._graph_def.library.function}

    @cached_property
    def _top(self) -> _Scope:
        nodes = self._graph_def.node
        return _Scope(_behind(nodes, self._outputs_wanted) if self._outputs_wanted else nodes)

    def uses(self, tensor_name: str) -> list[Use]:
        """Return the operations that take a tensor of the graph unchanged, each once, carriers left out.

        Args:
            tensor_name: as a signature names it, e.g. ``serving_default_image_bytes:0``.
        """
        found: list[Use] = []
        self._follow(self._top, [_tensor(tensor_name)], found, depth=0)
        return found

    def uses_of_output(self, use: Use, *names: str) -> list[Use]:
        """Return the operations that take an output of a node, likewise.

        Args:
            use: where the node stands.
            *names: the output as the graph numbers it, and as functions name it, e.g. ``3`` and ``dense_values:0``.
        """
        found: list[Use] = []
        self._follow(use.scope, [(use.node.name, name) for name in names], found, depth=0)
        return found

    def _follow(self, scope: _Scope, start: Iterable[_Tensor], found: list[Use], *, depth: int) -> set[_Tensor]:
        """Add the uses of tensors of one scope, and return all that they became in it."""
        pending = list(start)
        reached = set(pending)
        while pending:
            for node, position in scope.takers(pending.pop()):
                outputs = self._outputs(scope, node, position, found, depth)
                if outputs is None:
                    if not any(use.node is node and use.position == position for use in found):
                        found.append(Use(node, position, scope))
                    continue
                new = {(node.name, output) for output in outputs} - reached
                reached |= new
                pending += new
        return reached

    def _outputs(
        self, scope: _Scope, node: Any, position: int, found: list[Use], depth: int
    ) -> Iterable[str | None] | None:
        """Return the outputs that hold what came in at this position; None if the node does something with it."""
        if node.op in _CARRIERS:
            return [_ANY]
        if node.op == "IdentityN":
            return _named(position)
        names, offset = _CALLS.get(node.op, ((), 0))
        called = [_function_names(node.attr[name]) for name in names] or [[node.op]]  # a node may be named for its op
        functions = [self._functions[name] for several in called for name in several if name in self._functions]
        if not functions or depth > _DEEPEST or position < offset:
            return None if not functions else ()
        return [
            output
            for function in functions
            for index in self._through(scope, node, function, position - offset, found, depth)
            for output in _named(index)
        ]

    def _through(
        self, scope: _Scope, node: Any, function: Any, argument: int, found: list[Use], depth: int
    ) -> Iterator[int]:
        """Yield the outputs of a function that hold one of its arguments."""
        arguments = [one.name for one in function.signature.input_arg]
        if argument >= len(arguments):
            return
        inputs = [name for name in node.input if not name.startswith("^")]
        given = inputs[len(inputs) - len(arguments) :]
        inner = scope.inner(node, function, dict(zip(arguments, given, strict=False)))
        reached = self._follow(inner, [(arguments[argument], "0")], found, depth=depth + 1)
        for index, output in enumerate(function.signature.output_arg):
            name, place = _tensor(function.ret[output.name])
            if (name, place) in reached or (name, _ANY) in reached:
                yield index


class _Scope:
    """The nodes that see each other's names: the graph itself, or one call of a function."""

    def __init__(
        self, nodes: Iterable[Any], *, given: Mapping[str, str] | None = None, outer: _Scope | None = None
    ) -> None:
        self._nodes = nodes
        self._given = given or {}
        self._outer = outer
        self._inner: dict[tuple[str, str], _Scope] = {}

    @cached_property
    def _by_name(self) -> dict[str, Any]:
        return {node.name: node for node in self._nodes}

    @cached_property
    def _takers(self) -> dict[str, list[tuple[str | None, Any, int]]]:
        takers: dict[str, list[tuple[str | None, Any, int]]] = defaultdict(list)
        for node in self._nodes:
            for position, text in enumerate(node.input):
                if not text.startswith("^"):
                    name, output = _tensor(text)
                    takers[name].append((output, node, position))
        return takers

    def takers(self, tensor: _Tensor) -> Iterator[tuple[Any, int]]:
        """Yield the nodes that take a tensor, and as which input."""
        name, output = tensor
        for taken, node, position in self._takers.get(name, ()):
            if output is _ANY or taken == output:
                yield node, position

    def inner(self, node: Any, function: Any, given: Mapping[str, str]) -> _Scope:
        """Return the scope of a call; the same one each time, so that what was sorted once stays sorted."""
        key = (node.name, function.signature.name)
        if key not in self._inner:
            self._inner[key] = _Scope(function.node_def, given=given, outer=self)
        return self._inner[key]

    def constant(self, text: str) -> np.ndarray | None:
        """Return a tensor's value if the graph holds it."""
        name, _ = _tensor(text)
        if name in self._given and self._outer is not None:
            return self._outer.constant(self._given[name])
        node = self._by_name.get(name)
        if node is None:
            return None
        if node.op in _CONSTANT_CARRIERS:
            return self.constant(node.input[0])
        if node.op != "Const":
            return None
        try:
            return from_proto(node.attr["value"].tensor, name=name)
        except TensorError:
            return None


def _behind(nodes: Iterable[Any], outputs: Iterable[str]) -> list[Any]:
    """Return the nodes that tensors are computed from."""
    by_name = {node.name: node for node in nodes}
    pending = [_tensor(name)[0] for name in outputs]
    found: dict[str, Any] = {}
    while pending:
        name = pending.pop()
        if name in by_name and name not in found:
            found[name] = by_name[name]
            pending += [_tensor(text.removeprefix("^"))[0] for text in by_name[name].input]
    return list(found.values())


def _tensor(text: str) -> tuple[str, str]:
    """Return node and output of ``name``, ``name:1`` (in graphs) and ``name:output:1`` (in functions)."""
    name, _, output = text.partition(":")
    return name, output or "0"


def _named(index: int) -> tuple[str, ...]:
    """Return what an output is called: by its number in graphs, and in functions by the list it is in."""
    return (str(index), f"output:{index}")


def _function_names(attribute: Any) -> list[str]:
    several = attribute.list.func or [attribute.func]
    return [function.name for function in several]
