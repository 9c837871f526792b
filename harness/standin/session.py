"""Session: a TensorFlow graph that can be run, straight on the C API.

Feeds go in as they are: no casting and no check of shapes against the graph, so a wrong dtype or shape meets the
same error that ``Session::Run`` gives tensorflow_model_server (behaviour items 51 and 52).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.protos import config_pb2
from harness.standin import tf_runtime
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Session"]

# Runs without a deadline take place in the caller's thread; RunOptions calls that pool -1.
_CALLERS_THREAD = -1


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

    def output(self, name: str) -> Any:
        """The C API's handle of the tensor called ``name`` (``op:index``; the index may be missing)."""
        handle = self._outputs.get(name)
        return handle if handle is not None else self._find_output(name)

    def _find_output(self, name: str) -> Any:
        operation_name, _, index = name.rpartition(":")
        if not operation_name or not index.isdigit():
            operation_name, index = name, "0"
        operation = self._operations.get(operation_name)
        if operation is None or int(index) >= self._api.TF_OperationNumOutputs(operation):
            text = f"Tensor {name}, specified in either feed_devices or fetch_devices was not found in the Graph"
            raise StatusError("INVALID_ARGUMENT", text)
        handle = self._api.TF_Output()
        handle.oper, handle.index = operation, int(index)
        self._outputs[name] = handle
        return handle

    def dtype_of(self, name: str) -> int:
        """The DataType number of the tensor called ``name``."""
        return int(self._api.TF_OperationOutputType(self.output(name)))

    def has_operation(self, name: str) -> bool:
        """Whether the graph holds an operation of that name."""
        return name in self._operations

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
        output = self.output
        inputs = {output(name): value for name, value in feeds.items()}
        outputs = [output(name) for name in fetches]
        operations = [self._operations[name] for name in targets]
        if timeout_ms is None:
            return self._call(self._plain, inputs, outputs, operations)
        options = self._run_options(timeout_ms)
        try:
            return self._call(options, inputs, outputs, operations)
        finally:
            self._api.TF_DeleteBuffer(options)

    def _call(self, options: Any, inputs: Any, outputs: list[Any], operations: list[Any]) -> list[Any]:
        try:
            tensors = self._api.TF_SessionRun_wrapper(self._handle, options, inputs, outputs, operations, None)
        except tf_runtime.error_class() as error:
            raise StatusError(tf_runtime.status_code(error), error.message) from None  # type: ignore[attr-defined]
        # A string of rank 0 comes out as bare bytes, other scalars as NumPy scalars.
        return [np.array(tensor, dtype=object) if isinstance(tensor, bytes) else tensor for tensor in tensors]

    def close(self) -> None:
        """Free the session's resources; it cannot be run afterwards."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._api.TF_CloseSession(handle)
            self._api.TF_DeleteSession(handle)
            self._api.TF_DeleteBuffer(self._plain)


class _translated:  # noqa: N801 - reads as a statement: with _translated()
    """Turn the C API's exceptions into StatusError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, tf_runtime.error_class()):
            raise StatusError(tf_runtime.status_code(error), error.message) from None  # type: ignore[attr-defined]
