"""Session: a TensorFlow graph that can be run, straight on the C API.

Feeds go in as they are: no casting and no check of shapes against the graph, so a wrong dtype or shape meets the
same error that ``Session::Run`` gives tensorflow_model_server (behaviour items 51 and 52).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.protos import config_pb2
from harness.standin import tf_runtime
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Session"]

# RunOptions calls the caller's own thread pool -1. A run there costs a fraction of one in TensorFlow's pool, but cannot
# be ended by a time-out. So runs with a deadline use it only if the graph has no op that loops or waits: then a run's
# length is a matter of its input's size, and whether it was in time can be seen when it is over.
_CALLERS_THREAD = -1
_UNBOUNDED = frozenset({
    "Barrier", "BarrierTakeMany", "EagerPyFunc", "Enter", "For", "IteratorGetNext", "OneShotIterator", "PyFunc",
    "PyFuncStateless", "QueueDequeueManyV2", "QueueDequeueUpToV2", "QueueDequeueV2", "QueueEnqueueManyV2",
    "QueueEnqueueV2", "RefEnter", "RemoteCall", "StatelessWhile", "TensorArrayReadV3", "Unstage", "While",
    "_ParallelWhile", "_Recv", "_While",
})  # fmt: skip


class Session:
    """One graph with its variables.

    Raises:
        StatusError: from every method, with TensorFlow's own code and text.
    """

    def __init__(self, graph_def: Any, config: Any) -> None:
        """Import a GraphDef and open a session on it with that ConfigProto."""
        api = tf_runtime.c_api()
        self._api = api
        self._graph = api.PyGraph()
        self._handle = None
        self._outputs: dict[str, Any] = {}
        with _translated():
            self._import(graph_def.SerializeToString())
            options = api.TF_NewSessionOptions(config=config)
            try:
                self._handle = api.TF_NewSessionRef(self._graph, options)
            finally:
                api.TF_DeleteSessionOptions(options)
        self._operations = self._index_operations()
        self._is_bounded = not _UNBOUNDED & _op_types(graph_def)
        self._plain = self._run_options(None)

    def _import(self, serialized_graph: bytes) -> None:
        api = self._api
        options, buffer = api.TF_NewImportGraphDefOptions(), api.TF_NewBufferFromString(serialized_graph)
        try:
            api.TF_DeleteImportGraphDefResults(
                api.TF_GraphImportGraphDefWithResults(self._graph, buffer, options),
            )
        finally:
            api.TF_DeleteBuffer(buffer)
            api.TF_DeleteImportGraphDefOptions(options)

    def _index_operations(self) -> dict[str, Any]:
        operations: dict[str, Any] = {}
        position = 0
        while True:
            operation, position = self._api.TF_GraphNextOperation(self._graph, position)
            if operation is None:
                return operations
            operations[self._api.TF_OperationName(operation)] = operation

    def _run_options(self, timeout_ms: int | None) -> Any:
        options = config_pb2.RunOptions()
        if timeout_ms is None:
            options.inter_op_thread_pool = _CALLERS_THREAD
        else:
            options.timeout_in_ms = timeout_ms
        return self._api.TF_NewBufferFromString(options.SerializeToString())

    def _output(self, name: str, *, fed: bool) -> Any:
        """The C API's handle of the tensor called ``name`` (``op:index``; the index may be missing)."""
        handle = self._outputs.get(name)
        return handle if handle is not None else self._find_output(name, fed=fed)

    def _find_output(self, name: str, *, fed: bool) -> Any:
        operation_name, _, index = name.rpartition(":")
        if not operation_name or not index.isdigit():
            operation_name, index = name, "0"
        operation = self._operations.get(operation_name)
        if operation is None:
            text = f"FeedInputs: unable to find feed output {name}" if fed else f"FetchOutputs node {name}: not found"
            raise StatusError("NOT_FOUND", text)
        number = self._api.TF_OperationNumOutputs(operation)
        if int(index) >= number:
            raise StatusError("INVALID_ARGUMENT", _no_such_output(name, number, fed=fed))
        handle = self._api.TF_Output()
        handle.oper, handle.index = operation, int(index)
        self._outputs[name] = handle
        return handle

    def dtype_of(self, name: str) -> int:
        """The DataType number of the tensor called ``name``, which is to be fed."""
        return int(self._api.TF_OperationOutputType(self._output(name, fed=True)))

    def run(
        self,
        feeds: Mapping[str, np.ndarray[Any, Any]],
        fetches: Sequence[str],
        targets: Sequence[str] = (),
        *,
        timeout_ms: int | None = None,
    ) -> list[np.ndarray[Any, Any]]:
        """Run the graph: tensors by name in, the fetched tensors out, in order.

        Args:
            feeds: arrays by tensor name; strings are object arrays of bytes.
            fetches: names of the tensors wanted.
            targets: names of operations to run without taking an output.
            timeout_ms: longest run in milliseconds, None for no limit.
        """
        output = self._output
        inputs = {output(name, fed=True): value for name, value in feeds.items()}
        outputs = [output(name, fed=False) for name in fetches]
        operations = [self._operations[name] for name in targets]
        if timeout_ms is None:
            return self._call(self._plain, inputs, outputs, operations)
        if self._is_bounded:
            return self._call_and_look_at_the_clock(timeout_ms, inputs, outputs, operations)
        options = self._run_options(timeout_ms)
        try:
            return self._call(options, inputs, outputs, operations)
        finally:
            self._api.TF_DeleteBuffer(options)

    def _call_and_look_at_the_clock(
        self, timeout_ms: int, inputs: Any, outputs: list[Any], operations: list[Any]
    ) -> list[Any]:
        """Run in the caller's thread; a run that took too long is told apart afterwards."""
        begin = time.monotonic()
        tensors = self._call(self._plain, inputs, outputs, operations)
        if time.monotonic() - begin > timeout_ms / 1000:
            raise StatusError("DEADLINE_EXCEEDED", "Timed out waiting for notification")
        return tensors

    def _call(self, options: Any, inputs: Any, outputs: list[Any], operations: list[Any]) -> list[Any]:
        try:
            tensors = self._api.TF_SessionRun_wrapper(self._handle, options, inputs, outputs, operations, None)
        except tf_runtime.error_class() as error:
            raise StatusError(tf_runtime.status_code(error), error.message) from None  # type: ignore[attr-defined]
        except UnicodeDecodeError as fault:
            # The wrapper could not turn a text into an exception: an op quotes bytes of its input, so it is the input.
            raise StatusError("INVALID_ARGUMENT", fault.object.decode("utf-8", "surrogateescape")) from None
        # A string of rank 0 comes out as bare bytes, other scalars as NumPy scalars.
        return [np.array(tensor, dtype=object) if isinstance(tensor, bytes) else tensor for tensor in tensors]

    def close(self) -> None:
        """Free the session's resources; it cannot be run afterwards."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._api.TF_CloseSession(handle)
            self._api.TF_DeleteSession(handle)
            self._api.TF_DeleteBuffer(self._plain)


def _op_types(graph_def: Any) -> set[str]:
    """The types of all ops of a graph and of its functions."""
    in_functions = {node.op for function in graph_def.library.function for node in function.node_def}
    return in_functions | {node.op for node in graph_def.node}


def _no_such_output(name: str, number: int, *, fed: bool) -> str:
    """TensorFlow's text for an op that has fewer outputs than a tensor's name says."""
    if fed:
        return f"FeedInputs: {name} should have output index < {number}"
    if number:
        return f"FetchOutputs {name}: output index too large, must be < {number}"
    return (
        f"Tried to fetch data for '{name}', which produces no output.  To run to a node but not fetch any data, pass "
        f"'{name}' as an argument to the 'target_node_names' argument of the Session::Run API."
    )


class _translated:  # noqa: N801 - reads as a statement: with _translated()
    """Turn the C API's exceptions into StatusError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, tf_runtime.error_class()):
            raise StatusError(tf_runtime.status_code(error), error.message) from None  # type: ignore[attr-defined]
