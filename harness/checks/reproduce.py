"""Lines that a reader can paste to see the same again: curl for REST, Python for gRPC."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, cast

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


def rest_line(client: RestClient, arrays: Mapping[str, np.ndarray], *, signature_name: str, layout: Layout) -> str:
    """Return a curl line; a long body is named by its size instead of shown."""
    body = predict_body(arrays, signature_name=signature_name, layout=layout).decode()
    shown = shlex.quote(body) if len(body) <= _LONGEST_BODY else f"@body.json  # {len(body):,} bytes, {layout} layout"
    return f"curl -s {shlex.quote(client.predict_url())} -d {shown}"


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
    """Return the line that repeats a request, whatever its method.

    Raises:
        TensorError: values that this API cannot carry.
    """
    if request.method == "predict":
        return call_line(client, request.inputs, signature_name=request.signature_name)
    body = examples_body(request.examples, request.context, signature_name=request.signature_name).decode()
    if client.api == "rest":
        url = cast("RestClient", client).predict_url().removesuffix("predict") + request.method
        shown = shlex.quote(body) if len(body) <= _LONGEST_BODY else f"@body.json  # {len(body):,} bytes"
        return f"curl -s {shlex.quote(url)} -d {shown}"
    context = ", context=CONTEXT" if request.context is not None else ""
    shown = body if len(body) <= _LONGEST_BODY else f"{len(request.examples):,} tf.Examples"
    return (
        f'python -c "from harness import Endpoint, GrpcClient; GrpcClient({client.endpoint!r})'
        f'.{request.method}(EXAMPLES, signature_name={request.signature_name!r}{context})"  # EXAMPLES: {shown}'
    )


# How a signature is run without a server, by what can load the model.
_LOCAL_RUNS = {
    "tf.saved_model.load": (
        "import tensorflow as tf; model = tf.saved_model.load({path!r}, tags={tags!r}); "
        "print(model.signatures[{name!r}](**{values}))"
    ),
    "tf.compat.v1.saved_model.load": (
        "import tensorflow as tf; v1 = tf.compat.v1; s = v1.Session(graph=tf.Graph()); "
        "g = v1.saved_model.load(s, {tags!r}, {path!r}).signature_def[{name!r}]; "
        "fed = {{g.inputs[k].name: v for k, v in {values}.items()}}; "
        "print(s.run({{k: i.name for k, i in g.outputs.items()}}, fed))"
    ),
}


def local_line(loader: str, version_dir: str, tags: Sequence[str], arrays: Mapping[str, np.ndarray], name: str) -> str:
    """Return a Python line that runs a signature without a server; many values are named by dtype and shape.

    Args:
        loader: what can load the model, one of ``harness.savedmodel``'s.
        version_dir: the directory with saved_model.pb, as it is to be shown.
        tags: the tags of the graph.
        arrays: array by input name.
        name: the signature's name.
    """
    values, note = "INPUTS", ""
    if sum(array.size for array in arrays.values()) <= _MOST_VALUES:
        as_tensor = "tf.constant({}, tf.{})" if loader == "tf.saved_model.load" else "{}"
        texts = [
            f"{key!r}: {as_tensor.format(repr(array.tolist()), dtype_of_array(array).name)}"
            for key, array in arrays.items()
        ]
        values = "{" + ", ".join(texts) + "}"
    else:
        note = "  # INPUTS: " + ", ".join(
            f"{key!r}: {array.dtype} {list(array.shape)}" for key, array in arrays.items()
        )
    code = _LOCAL_RUNS[loader].format(path=version_dir, tags=list(tags), name=name, values=values)
    return f"python -c {shlex.quote(code)}{note}"
