"""The agreement between a model's makers and its callers: its signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.checks import check_contract
from harness.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness import GrpcClient, RestClient, Signature


def test_served_signatures_are_those_on_disk(
    serving_model: str,
    disk_signatures: Mapping[str, Signature],
    grpc_client: GrpcClient,
    rest_client: RestClient,
    record_finding: Callable[[Any], None],
) -> None:
    """GetModelMetadata and /metadata name the SavedModel's own inputs and outputs."""
    record_finding(
        check_contract(serving_model, on_disk=disk_signatures, grpc_client=grpc_client, rest_client=rest_client)
    )


def test_default_signature_can_be_called(client: Any) -> None:
    """The model has the signature that callers get who name none."""
    assert DEFAULT_SIGNATURE in client.signatures()


def test_status_shows_an_available_version(client: Any) -> None:
    """At least one version is AVAILABLE, and none ended in an error."""
    statuses = client.model_status()
    assert any(status.is_available for status in statuses)
    assert not [status for status in statuses if status.has_failed]


@pytest.mark.serving(model="half_plus_two")
def test_default_policy_serves_the_highest_version(client: Any) -> None:
    """Of the versions 1, 2 and 3 on disk, the server loads version 3 alone."""
    assert [(status.version, status.state) for status in client.model_status()] == [(3, "AVAILABLE")]
