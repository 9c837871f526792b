"""Predict for the REST side: from arrays to arrays, without the messages in between.

``predict.run_predict`` is the measure of what a run may be. REST requests that reach this point have passed most
of its checks already (every input is there, none too many), so their arrays can go to the graph as they are; the
few that might still fail one are handed to it as messages.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from harness.protos import predict_pb2
from harness.standin.dtypes import BY_NUMBER
from harness.standin.predict import DEFAULT_SIGNATURE, milliseconds, run_predict
from harness.standin.status import StatusError
from harness.standin.tensor_decode import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.standin.core import ServerCore
    from harness.standin.json.fill import Filled
    from harness.standin.servable import Servable

__all__ = ["Call", "Calls", "Input", "run_call"]

_MAX_RANK = 254


@dataclass(frozen=True)
class Input:
    """An input of a signature: its dtype number and the name of its tensor in the graph."""

    dtype: int
    name: str


@dataclass(frozen=True)
class Call:
    """A signature as plain values: reading them from messages each time costs more than a small run.

    Attributes:
        signature: its name.
        inputs: alias to input.
        outputs: alias to the name of the tensor in the graph.
    """

    signature: str
    inputs: Mapping[str, Input]
    outputs: Mapping[str, str]


class Calls:
    """The signatures of the servables in use."""

    def __init__(self) -> None:
        """Know none yet."""
        self._calls: WeakKeyDictionary[Servable, dict[str, Call]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def find(self, servable: Servable, signature_name: str) -> Call:
        """Return a signature; an empty name is the default one.

        Raises:
            StatusError: there is no such signature, or it has no inputs (behaviour items 136 and 137).
        """
        name = signature_name or DEFAULT_SIGNATURE
        calls = self._calls.get(servable)
        if calls is None:
            calls = _read_calls(servable)
            with self._lock:
                self._calls[servable] = calls
        if name not in calls:
            text = f'Serving signature name: "{name}" not found in signature def'
            raise StatusError("INVALID_ARGUMENT", text)
        if not calls[name].inputs:
            text = f"Failed to get input map for signature: {signature_name or 'DEFAULT'}"
            raise StatusError("INVALID_ARGUMENT", text)
        return calls[name]


def _read_calls(servable: Servable) -> dict[str, Call]:
    """Return a servable's signatures as plain values."""
    return {
        name: Call(
            name,
            {alias: Input(info.dtype, info.name) for alias, info in signature.inputs.items()},
            {alias: info.name for alias, info in signature.outputs.items()},
        )
        for name, signature in servable.signature_defs.items()
    }


def run_call(
    core: ServerCore,
    servable: Servable,
    call: Call,
    tensors: Mapping[str, Filled],
    *,
    model: str,
    timeout_s: float | None,
) -> dict[str, np.ndarray[Any, Any]]:
    """Run a signature; return its outputs by alias.

    Raises:
        StatusError: the run failed, or took too long.
    """
    feeds = None if core.options.check_method_names else _feeds(call, tensors)
    if feeds is None:
        return _run_as_message(core, servable, call, tensors, model=model, timeout_s=timeout_s)
    begin_s = time.perf_counter()
    outputs = servable.run(feeds, list(call.outputs.values()), timeout_ms=milliseconds(timeout_s))
    core.metrics.observe_run(model, "Predict", time.perf_counter() - begin_s)
    return dict(zip(call.outputs, outputs, strict=True))


def _feeds(call: Call, tensors: Mapping[str, Filled]) -> dict[str, np.ndarray[Any, Any]] | None:
    """Return the arrays by name in the graph; None if a check of ``run_predict`` might refuse them."""
    if len(tensors) != len(call.inputs):
        return None
    feeds = {}
    for alias, tensor in tensors.items():
        wanted = call.inputs[alias]
        dtype = BY_NUMBER.get(wanted.dtype)
        if dtype is None or dtype.numpy is None or len(tensor.shape) > _MAX_RANK:
            return None
        try:
            feeds[wanted.name] = _array(tensor, dtype.numpy)
        except ValueError:  # NumPy has fewer dimensions than TensorFlow
            return None
    return feeds


def _array(tensor: Filled, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return the tensor as an array of its graph's dtype."""
    if not isinstance(tensor.values, list):
        return tensor.values.astype(dtype, copy=False).reshape(tensor.shape)
    array = np.empty(len(tensor.values), object)
    array[:] = tensor.values
    return array.reshape(tensor.shape)


def _run_as_message(
    core: ServerCore,
    servable: Servable,
    call: Call,
    tensors: Mapping[str, Filled],
    *,
    model: str,
    timeout_s: float | None,
) -> dict[str, np.ndarray[Any, Any]]:
    """Run through a PredictRequest."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = call.signature
    for alias, tensor in tensors.items():
        write_tensor(request.inputs[alias], tensor, call.inputs[alias].dtype)
    response = run_predict(core, servable, request, timeout_s)
    outputs = {alias: decode(tensor) for alias, tensor in response.outputs.items()}
    return {alias: output for alias, output in outputs.items() if isinstance(output, np.ndarray)}


def write_tensor(proto: Any, tensor: Filled, dtype: int) -> None:
    """Fill an empty TensorProto."""
    proto.dtype = dtype
    shape = proto.tensor_shape
    shape.SetInParent()
    for size in tensor.shape:
        shape.dim.add(size=size)
    if isinstance(tensor.values, list):
        proto.string_val.extend(tensor.values)
    elif len(tensor.values):
        proto.tensor_content = tensor.values.tobytes()
