"""Contract: the signatures on disk, over gRPC and over REST must be the same."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.findings import Finding
from harness.signature_diff import diff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.signatures import Signature

__all__ = ["check", "check_contract"]


def check(subject: Subject) -> list[Finding]:
    """Compare a subject's signatures wherever they can be read."""
    return check_contract(subject.model, on_disk=subject.on_disk, grpc_client=subject.grpc, rest_client=subject.rest)


def check_contract(
    model: str,
    *,
    on_disk: Mapping[str, Signature] | None,
    grpc_client: GrpcClient | None,
    rest_client: RestClient | None,
) -> list[Finding]:
    """Compare the signatures pairwise wherever they can be read.

    Args:
        model: the served model's name.
        on_disk: the SavedModel's signatures, None if its files are not at hand (an external server).
        grpc_client: None if the server has no gRPC.
        rest_client: None if the server has no REST.

    Returns:
        One finding for each pair of sources; an ``info`` finding if there is no pair.

    Raises:
        CallError: a source could not be asked.
        SignatureError: a source's answer holds no signatures.
    """
    began = time.perf_counter_ns()
    sources: list[tuple[str, Mapping[str, Signature]]] = []
    if on_disk is not None:
        sources.append(("SavedModel on disk", on_disk))
    if grpc_client is not None:
        sources.append(("gRPC metadata", grpc_client.signatures()))
    if rest_client is not None:
        sources.append(("REST metadata", rest_client.signatures()))
    pairs = [(left, right) for index, left in enumerate(sources) for right in sources[index + 1 :]]
    if not pairs:
        seen = f"only {sources[0][0]} can be read" if sources else "no signatures can be read"
        return [Finding(check="contract", model=model, subject="signatures", passed=True, severity="info", seen=seen)]
    took_ns = (time.perf_counter_ns() - began) // len(pairs)
    return [_finding(model, left, right, took_ns, rest_client) for left, right in pairs]


def _finding(
    model: str,
    left: tuple[str, Mapping[str, Signature]],
    right: tuple[str, Mapping[str, Signature]],
    took_ns: int,
    rest_client: RestClient | None,
) -> Finding:
    changes = diff(left[1], right[1])
    names = sorted(name for name, signature in right[1].items() if not signature.is_internal)
    reproduce: tuple[str, ...] = (
        f"saved_model_cli show --all --dir BASE_PATH/VERSION   # {left[0]}, of model {model}",
    )
    if rest_client is not None:
        reproduce += (f"curl -s {rest_client.predict_url().removesuffix(':predict')}/metadata",)
    return Finding(
        check="contract",
        model=model,
        subject=f"{left[0]} = {right[0]}",
        passed=not changes,
        tried=f"compare the signatures of {left[0]} with those of {right[0]}",
        expected="the same inputs and outputs, by name, dtype and shape",
        seen="; ".join(str(change) for change in changes) or f"the same ({', '.join(names)})",
        reproduce=() if not changes else reproduce,
        duration_ns=took_ns,
    )
