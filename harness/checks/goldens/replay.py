"""Replay: ask what was asked before, and compare the answer with the recorded one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.checks.compare import compare
from harness.checks.provenance import change_of_conditions
from harness.checks.reproduce import request_line
from harness.checks.request import ask
from harness.checks.tensor_pictures import difference_pictures
from harness.checks.tolerance import TOLERANCES
from harness.dtypes import dtype_of_array
from harness.errors import CallError, TensorError
from harness.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.checks.goldens.golden import Golden
    from harness.clients import GrpcClient, RestClient
    from harness.pictures import Picture

__all__ = ["check_golden"]


def check_golden(
    client: GrpcClient | RestClient, golden: Golden, *, provenance: Mapping[str, str] | None = None
) -> Finding:
    """Send a case's request and compare the answer with the recorded one.

    A server that refuses the request, or an API that cannot carry it, fails the check.

    Args:
        client: whom to ask.
        golden: the case.
        provenance: what answers now; where it differs from what answered then, a failed finding says so first.
    """
    began = time.perf_counter_ns()
    pictures: tuple[Picture, ...] = ()
    try:
        answer = ask(client, golden.request)
        seen = {name: array for name, array in answer.items() if name in golden.outputs}
        mismatches = compare(seen, golden.outputs, tolerances={**TOLERANCES, **golden.tolerances})
        text = "; ".join(str(mismatch) for mismatch in mismatches)
        pictures = difference_pictures(mismatches, seen, golden.outputs, model=client.endpoint.model)
    except (CallError, TensorError) as exc:
        text = str(exc)
    changed = change_of_conditions(golden.provenance, provenance or {}) if text else ""
    return Finding(
        check="goldens",
        model=client.endpoint.model,
        subject=f"{golden.name} over {'gRPC' if client.api == 'grpc' else 'REST'}",
        passed=not text,
        tried=f"{golden.request.method} with the recorded request of golden {golden.name!r}",
        expected=f"the recorded outputs{_within(golden)}",
        seen=f"{changed}{text}" if text else "the recorded outputs",
        reproduce=_reproduce(client, golden) if text else (),
        pictures=pictures,
        duration_ns=time.perf_counter_ns() - began,
    )


def _within(golden: Golden) -> str:
    """Return the tolerances of a case's float outputs in words."""
    dtypes = sorted({dtype_of_array(array).name for array in golden.outputs.values()} & TOLERANCES.keys())
    known = {**TOLERANCES, **golden.tolerances}
    texts = [f"{name} within {known[name].rtol:g} relative + {known[name].atol:g} absolute" for name in dtypes]
    return f", {', '.join(texts)}" if texts else ""


def _reproduce(client: GrpcClient | RestClient, golden: Golden) -> tuple[str, ...]:
    try:
        return (request_line(client, golden.request),)
    except TensorError:
        return ()  # what cannot be sent cannot be sent again
