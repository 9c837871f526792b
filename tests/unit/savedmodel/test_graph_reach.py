"""Where tensors go in saved graphs, which are written here as bare protobuf messages."""

from __future__ import annotations

from typing import Any

import pytest

from harness.protos import meta_graph_pb2
from harness.savedmodel.graph_reach import Reach
from harness.tensors import as_array, to_proto


class Graph:
    """A MetaGraphDef under construction."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.message = meta_graph_pb2.MetaGraphDef()
        self._nodes = self.message.graph_def.node

    def add(self, name: str, op: str, *inputs: str, **functions: str | list[str]) -> Any:
        """Add a node; a keyword is an attribute that names functions."""
        node = self._nodes.add(name=name, op=op, input=inputs)
        for attribute, called in functions.items():
            if isinstance(called, str):
                node.attr[attribute].func.name = called
            else:
                for one in called:
                    node.attr[attribute].list.func.add(name=one)
        return node

    def constant(self, name: str, value: Any) -> None:
        """Add a constant."""
        self.add(name, "Const").attr["value"].tensor.CopyFrom(to_proto(as_array(value)))

    def function(self, name: str, arguments: list[str], returned: dict[str, str]) -> Graph:
        """Add a function and return what its nodes are added to."""
        function = self.message.graph_def.library.function.add()
        function.signature.name = name
        for argument in arguments:
            function.signature.input_arg.add(name=argument)
        for output, tensor in returned.items():
            function.signature.output_arg.add(name=output)
            function.ret[output] = tensor
        inner = Graph()
        inner._nodes = function.node_def
        return inner


def _ops(graph: Graph, tensor: str = "x:0", outputs: tuple[str, ...] = ()) -> list[str]:
    return sorted(use.op for use in Reach(graph.message, outputs).uses(tensor))


def test_operations_that_take_the_tensor_are_found() -> None:
    """Each taker is found with the position it takes the tensor at; others are not."""
    graph = Graph()
    graph.add("x", "Placeholder")
    graph.add("y", "Placeholder")
    graph.add("a", "StringToNumber", "x")
    graph.add("b", "StringJoin", "y", "x:0")
    graph.add("c", "StringLength", "y")
    graph.add("d", "NoOp", "^x")
    uses = Reach(graph.message).uses("x:0")
    assert {(use.op, use.position) for use in uses} == {("StringToNumber", 0), ("StringJoin", 1)}


def test_carriers_are_passed_through() -> None:
    """Identities, stacks and lists hand the elements on; what changes them ends the way."""
    graph = Graph()
    graph.add("x", "Placeholder")
    graph.add("i", "Identity", "x")
    graph.add("r", "Reshape", "i", "shape")
    graph.add("l", "TensorListFromTensor", "r")
    graph.add("g", "TensorListGetItem", "l", "index")
    graph.add("d", "DecodeJpeg", "g")
    graph.add("after", "ResizeBilinear", "d")
    assert _ops(graph) == ["DecodeJpeg"]


def test_identity_n_keeps_its_tensors_apart() -> None:
    """The second output of IdentityN holds the second input alone."""
    graph = Graph()
    graph.add("n", "IdentityN", "y", "x")
    graph.add("a", "DecodePng", "n:0")
    graph.add("b", "DecodeJpeg", "n:1")
    assert _ops(graph) == ["DecodeJpeg"]


@pytest.mark.parametrize("op", ["PartitionedCall", "StatefulPartitionedCall"])
def test_calls_are_followed_inside_and_beyond(op: str) -> None:
    """A use within a called function is found, and one of what the function returns unchanged."""
    graph = Graph()
    graph.add("call", op, "y", "x", f="callee")
    graph.add("wrong", "DecodeGif", "call:0")
    graph.add("right", "DecodePng", "call:1")
    inner = graph.function("callee", ["first", "second"], {"out": "first", "same": "same:output:0"})
    inner.add("same", "Identity", "second")
    inner.add("inside", "DecodeWav", "second")
    assert _ops(graph) == ["DecodePng", "DecodeWav"]


def test_branches_and_loops_are_followed() -> None:
    """Both branches of an If count, whose condition is no argument of theirs, and so does the body of a While."""
    graph = Graph()
    graph.add("if", "If", "condition", "x", then_branch="yes", else_branch="no")
    graph.add("case", "Case", "index", "x", branches=["third"])
    graph.add("while", "StatelessWhile", "counter", "x", body="body")
    graph.function("yes", ["a"], {}).add("png", "DecodePng", "a")
    graph.function("no", ["a"], {}).add("jpeg", "DecodeJpeg", "a")
    graph.function("third", ["a"], {}).add("gif", "DecodeGif", "a")
    graph.function("body", ["n", "list"], {}).add("bmp", "DecodeBmp", "list")
    assert _ops(graph) == ["DecodeBmp", "DecodeGif", "DecodeJpeg", "DecodePng"]


def test_a_node_named_for_its_function_is_a_call() -> None:
    """Old graphs call a function by an operation of its name."""
    graph = Graph()
    graph.add("call", "my_function", "x")
    graph.function("my_function", ["a"], {}).add("png", "DecodePng", "a")
    assert _ops(graph) == ["DecodePng"]


def test_an_endless_call_ends() -> None:
    """A function that calls itself is followed only so deep."""
    graph = Graph()
    graph.add("call", "PartitionedCall", "x", f="again")
    graph.function("again", ["a"], {}).add("inner", "PartitionedCall", "a", f="again")
    assert set(_ops(graph)) <= {"PartitionedCall"}


def test_only_what_leads_to_the_outputs_counts() -> None:
    """Signatures may share a placeholder: operations of another one's outputs are no uses."""
    graph = Graph()
    graph.add("x", "Placeholder")
    graph.add("png", "DecodePng", "x")
    graph.add("number", "StringToNumber", "x")
    graph.add("shown", "Cast", "png")
    assert _ops(graph, outputs=("shown:0",)) == ["DecodePng"]
    assert _ops(graph) == ["DecodePng", "StringToNumber"]


def test_constants_are_found_where_they_are_given() -> None:
    """A constant counts in the node's own scope, behind an identity, and as an argument of its function."""
    graph = Graph()
    graph.add("x", "Placeholder")
    graph.constant("keys", [b"a", b"b"])
    graph.add("same", "Identity", "keys")
    graph.add("computed", "Add", "x", "x")
    graph.add("call", "PartitionedCall", "x", "same", "computed", f="parse")
    inner = graph.function("parse", ["text", "names", "other"], {})
    inner.constant("own", [b"c"])
    inner.add("take", "Taker", "text", "names", "own:output:0", "other", "nowhere")
    (use,) = [use for use in Reach(graph.message).uses("x:0") if use.op == "Taker"]
    constants = [use.constant(position) for position in range(1, 6)]
    assert [None if one is None else one.tolist() for one in constants] == [[b"a", b"b"], [b"c"], None, None, None]


def test_outputs_of_a_use_are_followed_on() -> None:
    """What an operation makes of the tensor can be asked for in turn, output by output."""
    graph = Graph()
    graph.add("x", "Placeholder")
    graph.add("parse", "ParseExampleV2", "x")
    graph.add("a", "DecodePng", "parse:3")
    graph.add("b", "DecodeJpeg", "parse:4")
    reach = Reach(graph.message)
    (use,) = reach.uses("x:0")
    assert [one.op for one in reach.uses_of_output(use, "4")] == ["DecodeJpeg"]
