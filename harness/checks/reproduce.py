"""Lines that a reader can paste to see the same again: curl for REST, Python for gRPC."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, cast

import numpy as np

from harness.clients.rest_codec import examples_body, predict_body
from harness.dtypes import dtype_of_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.checks.request import Request
    from harness.clients import GrpcClient, RestClient
    from harness.clients.rest_codec import Layout

__all__ = [
    "again_line",
    "array_text",
    "call_line",
    "grpc_line",
    "metadata_line",
    "request_line",
    "request_text",
    "rest_line",
    "send_line",
]

_LONGEST_BODY = 2000
_MOST_ELEMENTS = 200


def call_line(client: GrpcClient | RestClient, arrays: Mapping[str, np.ndarray], *, signature_name: str) -> str:
    """Return the line that repeats a client's predict call.

    Raises:
        TensorError: arrays that this API cannot carry.
    """
    if client.api == "grpc":
        return grpc_line(cast("GrpcClient", client), arrays, signature_name=signature_name)
    return rest_line(cast("RestClient", client), arrays, signature_name=signature_name, layout="column")


def rest_line(client: RestClient, arrays: Mapping[str, np.ndarray], *, signature_name: str, layout: Layout) -> str:
    """Return a curl line; a long body is named by its size instead of shown."""
    body = predict_body(arrays, signature_name=signature_name, layout=layout)
    return _curl(client.predict_url(), body, f", {layout} layout")


def grpc_line(client: GrpcClient, arrays: Mapping[str, np.ndarray], *, signature_name: str) -> str:
    """Return a Python line that makes the same call with the harness's client."""
    inputs = ", ".join(f"{name!r}: {array.dtype} {list(array.shape)}" for name, array in arrays.items())
    return (
        f'python -c "from harness import Endpoint, GrpcClient; GrpcClient({client.endpoint!r})'
        f'.predict(INPUTS, signature_name={signature_name!r})"  # INPUTS: {inputs}'
    )


def metadata_line(client: GrpcClient | RestClient) -> str:
    """Return the line that shows a model's signatures over a client's API."""
    if client.api == "rest":
        url = cast("RestClient", client).predict_url().removesuffix(":predict")
        return f"curl -s {shlex.quote(url + '/metadata')}"
    return (
        f'python -c "from harness import Endpoint, GrpcClient; print(*GrpcClient({client.endpoint!r})'
        '.signatures().values(), sep=chr(10))"'
    )


def request_line(client: GrpcClient | RestClient, request: Request) -> str:
    """Return the line that repeats a request of any method; small arrays are in it whole.

    Raises:
        TensorError: arrays or features that this API cannot carry.
    """
    if client.api == "rest":
        rest = cast("RestClient", client)
        if request.method == "predict":
            return rest_line(rest, request.inputs, signature_name=request.signature_name, layout="column")
        body = examples_body(request.examples, request.context, signature_name=request.signature_name)
        return _curl(rest.predict_url().removesuffix("predict") + request.method, body)
    arguments = _literal(request)
    if len(arguments) > _LONGEST_BODY:
        return grpc_line(cast("GrpcClient", client), request.inputs, signature_name=request.signature_name)
    if request.context is not None:
        arguments += f", context={request.context!r}"
    imports = "from numpy import array, inf, nan; from harness import Endpoint, GrpcClient"
    if "as_array(" in arguments:
        imports += "; from harness.tensors import as_array"
    code = (
        f"{imports}; print(GrpcClient({client.endpoint!r}).{request.method}({arguments},"
        f" signature_name={request.signature_name!r}))"
    )
    return f"python -c {shlex.quote(code)}"


def request_text(request: Request) -> str:
    """Return what a request holds, for people: arrays as dtype, shape and values, features as they are."""
    if request.method != "predict":
        return _shortened(f"{list(request.examples)!r}")
    return (
        "; ".join(
            f"{name}: {array.dtype} {list(array.shape)} {_shortened(str(array.tolist()))}"
            for name, array in request.inputs.items()
        )
        or "no inputs"
    )


def send_line(client: GrpcClient | RestClient, where: str, body: bytes) -> str:
    """Return the line that sends bytes as they are, with ``client.send``."""
    if client.api == "rest":
        base = cast("RestClient", client).predict_url().partition("/v1/models/")[0]
        return _curl(base + where, body)
    code = (
        f"from harness import Endpoint, GrpcClient; GrpcClient({client.endpoint!r}).send({where!r},"
        f" bytes.fromhex({body.hex()!r}))"
    )
    return f"python -c {shlex.quote(code)}"


def again_line(check: str, seed: int) -> str:
    """Return the command that runs one check again with the same seed."""
    return f"tfserving-harness check PATH --only {check} --seed {seed}"


def _literal(request: Request) -> str:
    if request.method != "predict":
        return repr([dict(example) for example in request.examples])
    return "{" + ", ".join(f"{name!r}: {array_text(array)}" for name, array in request.inputs.items()) + "}"


def array_text(array: np.ndarray) -> str:
    """Return Python that makes the array again, with NumPy's ``array``, ``inf`` and ``nan``, and ``as_array``."""
    dtype, flat = dtype_of_array(array), np.ascontiguousarray(array).reshape(-1)
    if dtype.kind == "complex":  # Python writes complex(0, nan) as nanj, and cannot read that
        text = f"{array_text(flat.view(flat.real.dtype))}.view({dtype.name!r})"
    else:
        maker = "array" if dtype.is_native and not dtype.is_string else "as_array"
        text = f"{maker}({flat.tolist()!r}, {dtype.name!r})"
    return text if array.ndim == 1 else f"{text}.reshape({array.shape!r})"


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_ELEMENTS else f"{text[:_MOST_ELEMENTS]}..."


def _curl(url: str, body: bytes, remark: str = "") -> str:
    text = body.decode("utf-8", "backslashreplace")
    shown = shlex.quote(text) if len(text) <= _LONGEST_BODY else f"@body.json  # {len(body):,} bytes{remark}"
    return f"curl -s {shlex.quote(url)} -d {shown}"
