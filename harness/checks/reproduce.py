"""Lines that a reader can paste to see the same again: curl for REST, Python for gRPC."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, cast

from harness.clients.rest_codec import examples_body, predict_body
from harness.dtypes import dtype_of_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from harness.checks.request import Request
    from harness.clients import GrpcClient, RestClient
    from harness.clients.rest_codec import Layout

__all__ = ["call_line", "grpc_line", "local_line", "metadata_line", "request_line", "rest_line"]

_LONGEST_BODY = 2000
_MOST_VALUES = 50


def call_line(client: GrpcClient | RestClient, arrays: Mapping[str, np.ndarray], *, signature_name: str) -> str:
    """Return the line that repeats a client's predict call.

    Raises:
        TensorError: arrays that this API cannot carry.
    """
    if client.api == "grpc":
        return grpc_line(cast("GrpcClient", client), arrays, signature_name=signature_name)
    return rest_line(cast("RestClient", client), arrays, signature_name=signature_name, layout="column")


def request_line(client: GrpcClient | RestClient, request: Request, *, layout: Layout = "column", **where: Any) -> str:
    """Return the line that asks a request of any method again.

    Args:
        client: what asked.
        request: what was asked.
        layout: the form of a predict request over REST.
        **where: ``version`` or ``label``, where the call named one.

    Raises:
        TensorError: values that this API cannot carry.
    """
    if client.api == "grpc":
        grpc = cast("GrpcClient", client)
        if request.method == "predict":
            return grpc_line(grpc, request.inputs, signature_name=request.signature_name, **where)
        return _examples_line(grpc, request, where)
    rest = cast("RestClient", client)
    if request.method == "predict":
        body = predict_body(request.inputs, signature_name=request.signature_name, layout=layout)
    else:
        body = examples_body(request.examples, request.context, signature_name=request.signature_name)
    url = rest.predict_url(**where).removesuffix("predict") + request.method
    return _curl_line(url, body, f"{layout} layout" if request.method == "predict" else request.method)


def rest_line(client: RestClient, arrays: Mapping[str, np.ndarray], *, signature_name: str, layout: Layout) -> str:
    """Return a curl line; a long body is named by its size instead of shown."""
    body = predict_body(arrays, signature_name=signature_name, layout=layout)
    return _curl_line(client.predict_url(), body, f"{layout} layout")


def _curl_line(url: str, body: bytes, form: str) -> str:
    text = body.decode()
    shown = shlex.quote(text) if len(text) <= _LONGEST_BODY else f"@body.json  # {len(text):,} bytes, {form}"
    return f"curl -s {shlex.quote(url)} -d {shown}"


def grpc_line(client: GrpcClient, arrays: Mapping[str, np.ndarray], *, signature_name: str, **where: Any) -> str:
    """Return a Python line that makes the same call with the harness's client; ``where`` as for ``request_line``."""
    inputs = ", ".join(f"{name!r}: {array.dtype} {list(array.shape)}" for name, array in arrays.items())
    return f"{_python(client, 'predict(INPUTS', signature_name, where)}  # INPUTS: {inputs}"


def _examples_line(client: GrpcClient, request: Request, where: Mapping[str, Any]) -> str:
    features = ", ".join(sorted({name for example in request.examples for name in example}))
    line = _python(client, f"{request.method}(EXAMPLES", request.signature_name, where)
    return f"{line}  # EXAMPLES: {len(request.examples)} with the features {features}"


def _python(client: GrpcClient, start: str, signature_name: str, where: Mapping[str, Any]) -> str:
    arguments = "".join(f", {key}={value!r}" for key, value in {"signature_name": signature_name, **where}.items())
    call = f"GrpcClient({client.endpoint!r}).{start}{arguments})"
    return f'python -c "from harness import Endpoint, GrpcClient; {call}"'


def metadata_line(client: GrpcClient | RestClient) -> str:
    """Return the line that shows a model's signatures over a client's API."""
    if client.api == "rest":
        url = cast("RestClient", client).predict_url().removesuffix(":predict")
        return f"curl -s {shlex.quote(url + '/metadata')}"
    return (
        f'python -c "from harness import Endpoint, GrpcClient; print(*GrpcClient({client.endpoint!r})'
        '.signatures().values(), sep=chr(10))"'
    )


def local_line(version_dir: str, tags: Sequence[str], arrays: Mapping[str, np.ndarray], *, signature_name: str) -> str:
    """Return a Python line that runs a signature without a server; many values are named by dtype and shape."""
    load = f"tf.saved_model.load({version_dir!r}, tags={list(tags)!r}).signatures[{signature_name!r}]"
    if sum(array.size for array in arrays.values()) <= _MOST_VALUES:
        values = ", ".join(
            f"{name!r}: tf.constant({array.tolist()!r}, tf.{dtype_of_array(array).name})"
            for name, array in arrays.items()
        )
        return f"python -c {shlex.quote(f'import tensorflow as tf; print({load}(**{{{values}}}))')}"
    forms = ", ".join(f"{name!r}: {array.dtype} {list(array.shape)}" for name, array in arrays.items())
    return f"python -c {shlex.quote(f'import tensorflow as tf; print({load}(**INPUTS))')}  # INPUTS: {forms}"
