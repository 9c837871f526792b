"""Regress: examples in, one number per example out (behaviour items 63 to 68, 71)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.protos import regression_pb2
from harness.standin.examples import (
    debug_text,
    dtype_name,
    find_signature,
    serialized_examples,
    shape_text,
)
from harness.standin.predict import fill_model_spec, milliseconds
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from harness.standin.predict import Runtime
    from harness.standin.servable import Servable

__all__ = ["METHOD", "fill_regressions", "regress_tensors", "run_regress"]

METHOD = "tensorflow/serving/regress"


def run_regress(core: Runtime, servable: Servable, request: Any, deadline_s: float | None) -> Any:
    """Answer a RegressionRequest with a servable that was found and pinned already.

    Args:
        core: for the server's options and metrics.
        servable: the version to run.
        request: a RegressionRequest.
        deadline_s: seconds the run may take, None for no limit.

    Raises:
        StatusError: the signature does not suit, the input is empty, or the run failed.
    """
    name, signature = find_signature(servable, request.model_spec.signature_name)
    input_name, output_name = regress_tensors(signature, check_method=core.options.check_method_names)
    examples = serialized_examples(request.input)
    begin = time.perf_counter()
    (tensor,) = servable.run({input_name: examples}, [output_name], timeout_ms=milliseconds(deadline_s))
    core.metrics.observe_run(request.model_spec.name, "Regress", time.perf_counter() - begin)
    response = regression_pb2.RegressionResponse()
    fill_regressions(response.result, len(examples), tensor)
    fill_model_spec(response.model_spec, servable, name)
    return response


def regress_tensors(signature: Any, *, check_method: bool) -> tuple[str, str]:
    """Return the tensor to feed and the one to fetch.

    Raises:
        StatusError: INVALID_ARGUMENT, the signature is not one for regression.
    """
    if check_method and signature.method_name != METHOD:
        text = f"Expected regression signature method_name to be {METHOD}. Was: {signature.method_name}"
    elif len(signature.inputs) != 1:
        text = "Expected one input Tensor."
    elif len(signature.outputs) != 1:
        text = "Expected one output Tensor."
    elif "inputs" not in signature.inputs:
        text = f"No regression inputs found in SignatureDef: {debug_text(signature)}"
    elif "outputs" not in signature.outputs:
        text = f"No regression outputs found in SignatureDef: {debug_text(signature)}"
    else:
        return signature.inputs["inputs"].name, signature.outputs["outputs"].name
    raise StatusError("INVALID_ARGUMENT", text)


def fill_regressions(result: Any, num_examples: int, tensor: np.ndarray[Any, Any]) -> None:
    """Turn the fetched tensor, [n] or [n,1], into one Regression per example.

    Raises:
        StatusError: INVALID_ARGUMENT, the tensor has the wrong shape or dtype.
    """
    if not (tensor.ndim == 1 or (tensor.ndim == 2 and tensor.shape[1] == 1)):
        text = f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {shape_text(tensor)}"
    elif len(tensor) != num_examples:
        text = f"Input batch size did not match output batch size: {num_examples} vs. {len(tensor)}"
    elif tensor.dtype != np.float32:
        text = f"Expected output Tensor of DT_FLOAT.  Got: {dtype_name(tensor)}"
    else:
        for value in tensor.reshape(-1).tolist():
            result.regressions.add(value=value)
        return
    raise StatusError("INVALID_ARGUMENT", text)
