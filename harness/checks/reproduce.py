"""Lines that a reader can paste to see the same again: curl for REST, Python for gRPC."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from harness.clients.rest_codec import predict_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.clients import GrpcClient, RestClient

__all__ = ["grpc_line", "rest_line"]

_LONGEST_BODY = 2000


def rest_line(client: RestClient, arrays: Mapping[str, np.ndarray], *, signature_name: str, layout: str) -> str:
    """Return a curl line; a long body is named by its size instead of shown."""
    body = predict_body(arrays, signature_name=signature_name, layout="row" if layout == "row" else "column").decode()
    shown = shlex.quote(body) if len(body) <= _LONGEST_BODY else f"@body.json  # {len(body):,} bytes, {layout} layout"
    return f"curl -s {client.predict_url()} -d {shown}"


def grpc_line(client: GrpcClient, arrays: Mapping[str, np.ndarray], *, signature_name: str) -> str:
    """Return a Python line that makes the same call with the harness's client."""
    address, model = client.endpoint.grpc, client.endpoint.model
    inputs = ", ".join(f"{name!r}: ...  # {array.dtype} {list(array.shape)}" for name, array in arrays.items())
    return (
        f'python -c "from harness import Endpoint, GrpcClient; GrpcClient(Endpoint(grpc={address!r}, rest=None,'
        f' model={model!r})).predict(INPUTS, signature_name={signature_name!r})"  # INPUTS: {inputs}'
    )
