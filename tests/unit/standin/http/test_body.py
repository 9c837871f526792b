"""Compressed bodies are inflated within a limit, or count as empty."""

from __future__ import annotations

import gzip

import pytest

from harness.standin.http.body import inflate


@pytest.mark.parametrize(
    "body",
    [
        b"plain",
        gzip.compress(b"x" * 100)[:-1],
        gzip.compress(b"x") + b"y",
        gzip.compress(b"x") * 2,
        b"",
        gzip.compress(b"x" * 101),
    ],
    ids=["not gzip", "cut short", "surplus byte", "two members", "empty", "over the limit"],
)
def test_broken_or_excessive_gzip_is_an_empty_body(body: bytes) -> None:
    """What cannot be inflated within the limit counts as nothing."""
    assert inflate(body, limit_bytes=100) == b""


def test_gzip_up_to_the_limit_is_inflated() -> None:
    """The limit itself is allowed."""
    assert inflate(gzip.compress(b"x" * 100), limit_bytes=100) == b"x" * 100
