"""Lines that a reader can paste to see the same again: curl for REST, Python for gRPC."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, cast

from harness.clients.rest_codec import examples_body, predict_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.checks.request import Request
    from harness.clients import GrpcClient, RestClient
    from harness.clients.rest_codec import Layout

__all__ = ["call_line", "grpc_line", "metadata_line", "request_line", "rest_line"]

_LONGEST_BODY = 2000


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


def request_line(client: GrpcClient | RestClient, request: Request) -> str:
    """Return the line that sends a request over a client's API, whatever method it is for.

    Raises:
        TensorError: values that this API cannot carry.
    """
    if request.method == "predict":
        return call_line(client, request.inputs, signature_name=request.signature_name)
    if client.api == "rest":
        body = examples_body(request.examples, request.context, signature_name=request.signature_name).decode()
        url = cast("RestClient", client).predict_url().removesuffix("predict") + request.method
        shown = shlex.quote(body) if len(body) <= _LONGEST_BODY else f"@body.json  # {len(body):,} bytes"
        return f"curl -s {shlex.quote(url)} -d {shown}"
    examples = repr(list(request.examples))
    is_short = len(examples) <= _LONGEST_BODY
    shown, note = (examples, "") if is_short else ("EXAMPLES", f"  # EXAMPLES: {len(examples):,} characters")
    context = "" if request.context is None else f", context={dict(request.context)!r}"
    code = (
        f"from harness import Endpoint, GrpcClient; print(GrpcClient({client.endpoint!r}).{request.method}({shown}"
        f"{context}, signature_name={request.signature_name!r}))"
    )
    return f"python -c {shlex.quote(code)}{note}"
