"""Endpoints: what they say and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from harness.endpoint import Endpoint
from harness.errors import UsageError
from harness.tls import Tls


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


def test_no_repr_shows_a_header() -> None:
    """The value of a header is sent as it is, and no repr of the endpoint or of the header has it."""
    endpoint = Endpoint(grpc="h:1", rest=None, model="m", tls=Tls(ca="ca.pem"), headers=(("a", "s3cret"),))
    assert dict(endpoint.headers) == {"a": "s3cret"}
    assert "s3cret" not in f"{endpoint!r} {endpoint.headers!r} {dict(endpoint.headers)!r}"
    assert "tls=Tls(ca='ca.pem'" in repr(endpoint)


@pytest.mark.parametrize(
    ("addresses", "speaking"),
    [
        ({"grpc": "h:1", "rest": "https://h:2"}, {"grpc", "rest"}),
        ({"grpc": "h:1", "rest": "http://h:2"}, {"grpc"}),
        ({"grpc": "h:1", "rest": "https://h:2", "grpc_is_plain": True}, {"rest"}),
    ],
)
def test_files_are_used_where_tls_is_spoken(addresses: dict[str, Any], speaking: set[str]) -> None:
    """TLS files are for gRPC unless it is said to be plain, and for REST if its URL is an https one."""
    endpoint = Endpoint(**addresses, model="m", tls=Tls())
    apis: list[Any] = ["grpc", "rest"]
    assert {api for api in apis if endpoint.tls_over(api) is not None} == speaking
