"""Lines that a reader can paste to see the same again: curl for REST, Python for gRPC and for no server at all."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import numpy as np

from harness.clients.rest_codec import examples_body, predict_body
from harness.dtypes import dtype_of_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.checks.request import Request
    from harness.clients import GrpcClient, RestClient
    from harness.clients.rest_codec import Layout

__all__ = [
    "again_line",
    "array_text",
    "local_line",
    "metadata_line",
    "request_line",
    "request_text",
    "send_line",
]

_LONGEST = 2000
_MOST_SHOWN = 200
_MOST_VALUES = 50
_HTTPS = 443


def request_line(client: GrpcClient | RestClient, request: Request, *, layout: Layout = "column", **where: Any) -> str:
    """Return the line that asks a request of any method again; what is long is named by its size instead of shown.

    Args:
        client: what asked.
        request: what was asked.
        layout: the form of a predict request over REST.
        **where: ``version`` or ``label``, where the call named one.

    Raises:
        TensorError: values that this API cannot carry.
    """
    if client.api == "rest":
        return _rest_line(cast("RestClient", client), request, layout, where)
    return _grpc_line(cast("GrpcClient", client), request, where)


def _rest_line(client: RestClient, request: Request, layout: Layout, where: Mapping[str, Any]) -> str:
    if request.method == "predict":
        body = predict_body(request.inputs, signature_name=request.signature_name, layout=layout)
    else:
        body = examples_body(request.examples, request.context, signature_name=request.signature_name)
    url = client.predict_url(**where).removesuffix("predict") + request.method
    return _curl(client, url, body, f", {layout} layout" if request.method == "predict" else "")


def _grpc_line(client: GrpcClient, request: Request, where: Mapping[str, Any]) -> str:
    values, remark = _literal(request), ""
    if len(values) > _LONGEST:
        values, remark = _named(request)
    if request.context is not None:
        values += f", context={dict(request.context)!r}"
    imports = "from numpy import array, inf, nan; " if "array(" in values else ""
    imports += _IMPORTS[client.endpoint.tls is not None]
    imports += "; from harness.tensors import as_array" if "as_array(" in values else ""
    named = "".join(f", {key}={value!r}" for key, value in {"signature_name": request.signature_name, **where}.items())
    code = f"{imports}; print({_client_text(client)}.{request.method}({values}{named}))"
    return f"python -c {shlex.quote(code)}{remark}"


def _literal(request: Request) -> str:
    if request.method != "predict":
        return repr([dict(example) for example in request.examples])
    size = sum(array.size for array in request.inputs.values())
    if size > _LONGEST:  # each element takes a character at least
        return " " * (size + 1)
    return "{" + ", ".join(f"{name!r}: {array_text(array)}" for name, array in request.inputs.items()) + "}"


def _named(request: Request) -> tuple[str, str]:
    """Return the name that stands for long values, and the remark that says what they are."""
    if request.method == "predict":
        return "INPUTS", f"  # INPUTS: {_forms(request.inputs)}"
    features = ", ".join(sorted({name for example in request.examples for name in example}))
    return "EXAMPLES", f"  # EXAMPLES: {len(request.examples):,} with the features {features}"


def _forms(arrays: Mapping[str, np.ndarray]) -> str:
    return ", ".join(f"{name!r}: {array.dtype} {list(array.shape)}" for name, array in arrays.items())


def send_line(client: GrpcClient | RestClient, where: str, body: bytes) -> str:
    """Return the line that sends bytes as they are, with ``client.send``."""
    if client.api == "rest":
        base = cast("RestClient", client).predict_url().partition("/v1/models/")[0]
        return _curl(client, base + where, body)
    code = (
        f"{_IMPORTS[client.endpoint.tls is not None]}; {_client_text(client)}.send({where!r},"
        f" bytes.fromhex({body.hex()!r}))"
    )
    return f"python -c {shlex.quote(code)}"


def metadata_line(client: GrpcClient | RestClient) -> str:
    """Return the line that shows a model's signatures over a client's API."""
    if client.api == "rest":
        url = cast("RestClient", client).predict_url().removesuffix(":predict")
        return _curl_words(client, url + "/metadata")
    return (
        f'python -c "{_IMPORTS[client.endpoint.tls is not None]}; print(*{_client_text(client)}'
        '.signatures().values(), sep=chr(10))"'
    )


_IMPORTS = {False: "from harness import Endpoint, GrpcClient", True: "from harness import Endpoint, GrpcClient, Tls"}


def _client_text(client: GrpcClient | RestClient) -> str:
    """Return Python that makes the client again, but for its headers' values."""
    hidden = {name: "***" for name, _ in client.endpoint.headers}
    return f"GrpcClient({client.endpoint!r}{f', headers={hidden!r}' if hidden else ''})"


def _curl_words(client: GrpcClient | RestClient, url: str) -> str:
    """Return curl with the URL and the options that reach the client's endpoint, but for the headers' values."""
    words, tls = ["curl", "-s"], client.endpoint.tls_over("rest")
    if tls is not None:
        files = {"--cacert": tls.ca, "--cert": tls.certificate, "--key": tls.key}
        words += [str(word) for pair in files.items() if pair[1] is not None for word in pair]
    words += [word for name, _ in client.endpoint.headers for word in ("-H", f"{name}: ***")]
    if tls is not None and tls.server_name is not None:  # curl checks the name in the URL
        parts = urlsplit(url)
        port = parts.port or _HTTPS
        words += ["--connect-to", f"::{parts.hostname}:{port}"]
        url = parts._replace(netloc=f"{tls.server_name}:{port}").geturl()
    return shlex.join([*words, url])


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


def again_line(check: str, seed: int) -> str:
    """Return the command that runs one check again with the same seed."""
    return f"tfserving-harness check PATH --only {check} --seed {seed}"


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
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _curl(client: GrpcClient | RestClient, url: str, body: bytes, remark: str = "") -> str:
    text = body.decode("utf-8", "backslashreplace")
    shown = shlex.quote(text) if len(text) <= _LONGEST else f"@body.json  # {len(body):,} bytes{remark}"
    return f"{_curl_words(client, url)} -d {shown}"
