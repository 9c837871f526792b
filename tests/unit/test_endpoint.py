"""Endpoints: what they say and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from harness.endpoint import Endpoint
from harness.errors import UsageError


@pytest.mark.parametrize(
    ("options", "text"), [({}, "latest"), ({"version": 0}, "0"), ({"version": 7}, "7"), ({"label": "a"}, "label a")]
)
def test_the_wanted_version_has_a_name(options: dict[str, Any], text: str) -> None:
    """The version is named as asked for: latest, a number (0 is one), or a label."""
    assert Endpoint(grpc="h:1", rest=None, model="m", **options).version_text == text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"grpc": "h:1", "rest": None, "version": 0, "label": "a"}, r"a version \(0\) or a label \('a'\), not both"),
        ({"grpc": None, "rest": None}, "needs a gRPC address, a REST address or both"),
    ],
)
def test_what_no_request_could_express_is_refused(options: dict[str, Any], text: str) -> None:
    """Both version and label, or no address at all, are usage errors."""
    with pytest.raises(UsageError, match=text):
        Endpoint(model="m", **options)
