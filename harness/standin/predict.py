"""Predict: from a PredictRequest to a PredictResponse, for both edges.

The checks come in the genuine server's order (behaviour item 56): signature, method name if asked for, number of
inputs, their names and tensors, the output filter; then the run, without casting and without a check of shapes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from harness.protos import predict_pb2
from harness.standin.dtypes import BY_NUMBER
from harness.standin.status import StatusError
from harness.standin.tensor_decode import Opaque, decode
from harness.standin.tensor_encode import encode_into, encode_large
from harness.standin.wire import map_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np

    from harness.standin.core import CoreOptions
    from harness.standin.monitoring import Metrics
    from harness.standin.servable import Servable
    from harness.standin.wire import LargeField

__all__ = ["DEFAULT_SIGNATURE", "Runtime", "fill_model_spec", "milliseconds", "run_predict", "serve_predict"]

DEFAULT_SIGNATURE = "serving_default"
_OUTPUTS = 1  # PredictResponse.outputs
_METHODS = ("tensorflow/serving/predict", "tensorflow/serving/classify", "tensorflow/serving/regress")


class Runtime(Protocol):
    """What running a request needs besides the servable; a ServerCore has it."""

    @property
    def options(self) -> CoreOptions:
        """The server's options."""

    @property
    def metrics(self) -> Metrics:
        """Where runs are recorded."""


def run_predict(core: Runtime, servable: Servable, request: Any, deadline_s: float | None) -> Any:
    """Answer a PredictRequest with a servable that was found and pinned already.

    Args:
        core: for the server's options and metrics.
        servable: the version to run.
        request: a PredictRequest.
        deadline_s: seconds the run may take, None for no limit.

    Raises:
        StatusError: the request does not fit the signature, or the run failed.
    """
    return _response(core, servable, request, _outputs(core, servable, request, deadline_s, {}))


def serve_predict(
    core: Runtime, servable: Servable, request: Any, deadline_s: float | None, large: Mapping[str, LargeField]
) -> bytes:
    """Like :func:`run_predict`, from and to serialised messages as far as large tensors go.

    Args:
        core: as above.
        servable: as above.
        request: as above.
        deadline_s: as above.
        large: fields that were cut out of the request's inputs, by the input's name.

    Returns:
        a serialised PredictResponse.
    """
    outputs = _outputs(core, servable, request, deadline_s, large)
    parts: list[bytes | memoryview] = []
    for alias in list(outputs):
        encoded = encode_large(outputs[alias], tensor_content=core.options.tensor_content)
        if encoded is not None:
            parts += map_entry(_OUTPUTS, alias, encoded)
            del outputs[alias]
    response: bytes = _response(core, servable, request, outputs).SerializeToString()
    return b"".join((response, *parts)) if parts else response


def _outputs(
    core: Runtime, servable: Servable, request: Any, deadline_s: float | None, large: Mapping[str, LargeField]
) -> dict[str, np.ndarray[Any, Any]]:
    """Run a request; return its outputs by alias."""
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    signature = _signature(servable, name, check_method=core.options.check_method_names)
    tensors = _feeds(signature, request.inputs, large)
    fetches = _fetches(signature, list(request.output_filter))
    feeds = _arrays(servable, tensors)
    begin = time.perf_counter()
    outputs = servable.run(feeds, list(fetches.values()), timeout_ms=milliseconds(deadline_s))
    core.metrics.observe_run(request.model_spec.name, "Predict", time.perf_counter() - begin)
    return dict(zip(fetches, outputs, strict=True))


def _response(core: Runtime, servable: Servable, request: Any, outputs: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    """The PredictResponse with these outputs."""
    response = predict_pb2.PredictResponse()
    fill_model_spec(response.model_spec, servable, request.model_spec.signature_name or DEFAULT_SIGNATURE)
    for alias, tensor in outputs.items():
        encode_into(response.outputs[alias], tensor, tensor_content=core.options.tensor_content)
    return response


def milliseconds(seconds: float | None) -> int | None:
    """A deadline for RunOptions: whole milliseconds, at least one."""
    return None if seconds is None else max(1, min(int(seconds * 1000), 2**31 - 1))


def fill_model_spec(spec: Any, servable: Servable, signature_name: str) -> None:
    """Echo which version and signature answered (behaviour items 58 and 59)."""
    spec.name = servable.name
    spec.version.value = servable.version
    if signature_name:
        spec.signature_name = signature_name


def _signature(servable: Servable, name: str, *, check_method: bool) -> Any:
    if name not in servable.signature_defs:
        raise StatusError("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
    signature = servable.signature_defs[name]
    if check_method and signature.method_name not in _METHODS:
        text = (
            f"Expected prediction signature method_name to be one of {{{', '.join(_METHODS)}}}. "
            f"Was: {signature.method_name}"
        )
        raise StatusError("INTERNAL", text)
    return signature


def _feeds(signature: Any, inputs: Any, large: Mapping[str, LargeField]) -> dict[str, np.ndarray[Any, Any] | Opaque]:
    """The tensors to feed, by their names in the graph; defaults of the signature fill the gaps."""
    _check_count(signature, inputs)
    feeds = {}
    used = 0
    for alias, info in signature.inputs.items():
        if alias in inputs:
            tensor, used = decode(inputs[alias], large.get(alias)), used + 1
        elif alias in signature.defaults:
            tensor = decode(signature.defaults[alias])
        else:
            raise StatusError("INVALID_ARGUMENT", _missing_input(alias, info.name, signature, inputs))
        if tensor is None:
            raise StatusError("INVALID_ARGUMENT", f"tensor parsing error: {alias}")
        if info.name in feeds:
            raise StatusError("INVALID_ARGUMENT", f'Endpoint "{info.name}" fed more than once.')
        feeds[info.name] = tensor
    if used != len(inputs):
        known = _joined(alias for alias in inputs if alias in signature.inputs)
        text = f"Inputs contains invalid name. Used request inputs: {known}, request input: {_joined(inputs)}"
        raise StatusError("INVALID_ARGUMENT", text)
    return feeds


def _check_count(signature: Any, inputs: Any) -> None:
    wanted, given = len(signature.inputs), len(inputs)
    if given == wanted or (given < wanted and signature.defaults):
        return
    text = (
        f"input size does not match signature: {given}!={wanted} len({{{_joined(inputs)}}}) != "
        f"len({{{_joined(signature.inputs)}}}). "
        f"Sent extra: {{{_joined(set(inputs) - set(signature.inputs))}}}. "
        f"Missing but required: {{{_joined(set(signature.inputs) - set(inputs) - set(signature.defaults))}}}."
    )
    raise StatusError("INVALID_ARGUMENT", text)


def _missing_input(alias: str, tensor_name: str, signature: Any, inputs: Any) -> str:
    return (
        f"Signature input alias: {alias}(feed name: {tensor_name}) not found in request and no default value "
        f"provided. Inputs expected to be in the request {{{_joined(inputs)}}}, or default input alias set: "
        f"{_joined(signature.defaults)}"
    )


def _joined(names: Iterable[str]) -> str:
    return ",".join(sorted(names))


def _fetches(signature: Any, wanted: list[str]) -> dict[str, str]:
    """The tensors to fetch: alias to name in the graph."""
    if not wanted:
        return {alias: info.name for alias, info in signature.outputs.items()}
    fetches: dict[str, str] = {}
    for alias in wanted:
        if alias not in signature.outputs:
            text = (
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                f"{{{_joined(signature.outputs)}}}."
            )
            raise StatusError("INVALID_ARGUMENT", text)
        if alias in fetches:
            raise StatusError("INVALID_ARGUMENT", f"duplicate output tensor alias: {alias}")
        fetches[alias] = signature.outputs[alias].name
    return fetches


def _arrays(servable: Servable, tensors: dict[str, np.ndarray[Any, Any] | Opaque]) -> dict[str, np.ndarray[Any, Any]]:
    """The tensors as arrays; one that no array can hold is refused with TensorFlow's text for a wrong dtype."""
    arrays = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, Opaque):
            wanted = BY_NUMBER[servable.session.dtype_of(name)].name
            text = f"Expects arg[{sorted(tensors).index(name)}] to be {wanted} but {tensor.dtype.name} is provided"
            raise StatusError("INVALID_ARGUMENT", text)
        arrays[name] = tensor
    return arrays
