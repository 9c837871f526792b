"""What a server says about the versions of a model."""

from __future__ import annotations

from typing import Any

import pytest


def test_status_shows_an_available_version(client: Any) -> None:
    """At least one version is AVAILABLE, and none ended in an error."""
    statuses = client.model_status()
    assert any(status.is_available for status in statuses)
    assert not [status for status in statuses if status.has_failed]


@pytest.mark.serving(model="half_plus_two")
def test_default_policy_serves_the_highest_version(client: Any) -> None:
    """Of the versions 1, 2 and 3 on disk, the server loads version 3 alone."""
    assert [(status.version, status.state) for status in client.model_status()] == [(3, "AVAILABLE")]
