"""What can be a request, and what is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import UsageError
from harness.load import EncodedRequest
from harness.load.request import check_metadata


def test_any_path_and_header_that_can_be_sent_is_taken() -> None:
    """Paths with queries and escapes, other verbs, and headers of both protocols are requests."""
    EncodedRequest(body=b"", method="/v1/models/a%20b:predict?x=1", verb="GET", headers=(("X-Kind", "a b"), ("e", "")))
    EncodedRequest(body=b"x", method="/a.B/C", headers=(("authorization", "Bearer abc=="), ("trace-bin", "AAEC")))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"method": "predict"}, "method must be a slash"),
        ({"method": "/a b"}, "method must be a slash"),
        ({"method": "/a\r\nX: y"}, "method must be a slash"),
        ({"method": "/mödel"}, "method must be a slash"),
        ({"verb": "post"}, "verb must be an HTTP method"),
        ({"verb": "HEAD"}, "whose answer has a body"),
        ({"verb": "GET / HTTP/1.1\r\n"}, "verb must be an HTTP method"),
        ({"headers": (("Not A Header", "x"),)}, "header name 'Not A Header' must be made of"),
        ({"headers": ((":path", "/x"),)}, "header name ':path' must be made of"),
        ({"headers": (("", "x"),)}, "header name '' must be made of"),
        ({"headers": (("a", "x\r\nb: y"),)}, "value of header 'a' must be printable ASCII"),
        ({"headers": (("a", " x"),)}, "without spaces at its ends"),
        ({"headers": (("a", "é"),)}, "encode other text"),
        ({"headers": (("Content-Length", "3"),)}, "'Content-Length' is written by the engine"),
        ({"headers": (("transfer-encoding", "chunked"),)}, "'transfer-encoding' is written by the engine"),
        ({"headers": (("a", "x" * 9_000),)}, "servers refuse more than 8,192"),
    ],
)
def test_what_cannot_be_sent_is_refused(options: dict[str, Any], text: str) -> None:
    """Each is an error that says what to give."""
    with pytest.raises(UsageError, match=text):
        EncodedRequest(**{"body": b"x", "method": "/m", **options})


@pytest.mark.parametrize("name", ["Connection", "host", "Content-Type", "grpc-timeout", "Upgrade"])
def test_headers_of_http1_are_no_metadata(name: str) -> None:
    """What a REST request may carry, and gRPC's HTTP/2 forbids or writes itself, is refused over gRPC alone."""
    request = EncodedRequest(body=b"x", method="/m", headers=((name, "x"),))
    with pytest.raises(UsageError, match=f"header '{name}' cannot be sent over gRPC"):
        check_metadata(request)
