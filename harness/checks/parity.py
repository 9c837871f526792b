"""Parity: REST and gRPC answer the same to the same request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.checks.compare import compare
from harness.checks.reproduce import grpc_line, rest_line
from harness.dtypes import dtype_of_name
from harness.errors import CallError
from harness.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.clients.rest_codec import Layout
    from harness.signatures import Signature

__all__ = ["check", "check_parity", "rest_obstacle"]

# REST writes floats with as many digits as bring the same value back, but for denormals (behaviour items 142, 162).
_RTOL, _ATOL = 1e-6, 1e-30


def check(subject: Subject) -> list[Finding]:
    """Compare both APIs on each request for Predict that is known."""
    if subject.grpc is None or subject.rest is None:
        return [subject.left_out("parity", "REST = gRPC", "only one API was given")]
    return [
        finding
        for request in subject.requests
        if request.method == "predict"
        for finding in check_parity(
            subject.grpc, subject.rest, subject.signatures[request.signature_name], request.inputs
        )
    ]


def rest_obstacle(signature: Signature) -> str:
    """Return why REST cannot carry this signature; empty if it can (behaviour items 144, 166)."""
    for spec in signature.inputs:
        if not dtype_of_name(spec.dtype).rest_input:
            return f"REST takes no {spec.dtype} (input {spec.name!r})"
    for spec in signature.outputs:
        if not dtype_of_name(spec.dtype).rest_output:
            return f"REST cannot write {spec.dtype} (output {spec.name!r})"
    return ""


def check_parity(
    grpc_client: GrpcClient, rest_client: RestClient, signature: Signature, inputs: Mapping[str, np.ndarray]
) -> list[Finding]:
    """Send the same inputs over gRPC and over REST in both layouts, and compare the answers.

    The row layout is left out where request or answer has no common batch dimension (behaviour item 156); REST is left
    out as a whole, with an ``info`` finding, where it cannot carry the signature's dtypes. NaN equals NaN here: both
    APIs say the same then.

    Returns:
        One finding for each REST layout; one that failed if gRPC gave no answer to compare with.

    Raises:
        TensorError: inputs that no tensor can hold.
    """
    model = grpc_client.endpoint.model
    obstacle = rest_obstacle(signature)
    if obstacle:
        subject = f"{signature.name} over REST"
        return [Finding(check="parity", model=model, subject=subject, passed=True, severity="info", seen=obstacle)]
    try:
        expected = grpc_client.predict(inputs, signature_name=signature.name).outputs
    except CallError as exc:
        return [_finding(grpc_client, rest_client, signature, inputs, "column", f"gRPC gave no answer: {exc}", 0)]
    layouts: tuple[Layout, ...] = ("column", "row") if _has_rows(inputs) and _has_rows(expected) else ("column",)
    return [_compare_layout(grpc_client, rest_client, signature, inputs, expected, layout) for layout in layouts]


def _has_rows(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether all tensors share one batch size, and there is a row at all."""
    sizes = {array.shape[0] if array.ndim else 0 for array in arrays.values()}
    return len(sizes) == 1 and 0 not in sizes


def _compare_layout(
    grpc_client: GrpcClient,
    rest_client: RestClient,
    signature: Signature,
    inputs: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    layout: Layout,
) -> Finding:
    began = time.perf_counter_ns()
    try:
        seen = rest_client.predict(inputs, signature_name=signature.name, layout=layout).outputs
        mismatches = compare(seen, expected, rtol=_RTOL, atol=_ATOL, equal_nan=True)
        text = "; ".join(str(mismatch) for mismatch in mismatches)
    except CallError as exc:
        text = str(exc)
    took_ns = time.perf_counter_ns() - began
    return _finding(grpc_client, rest_client, signature, inputs, layout, text, took_ns)


def _finding(
    grpc_client: GrpcClient,
    rest_client: RestClient,
    signature: Signature,
    inputs: Mapping[str, np.ndarray],
    layout: Layout,
    text: str,
    took_ns: int,
) -> Finding:
    reproduce = (
        grpc_line(grpc_client, inputs, signature_name=signature.name),
        rest_line(rest_client, inputs, signature_name=signature.name, layout=layout),
    )
    return Finding(
        check="parity",
        model=grpc_client.endpoint.model,
        subject=f"{signature.name}, REST {layout} layout = gRPC",
        passed=not text,
        tried=f"predict the same inputs over gRPC and over REST in {layout} layout",
        expected="the same outputs",
        seen=text or "the same outputs",
        reproduce=reproduce if text else (),
        duration_ns=took_ns,
    )
