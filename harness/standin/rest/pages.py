"""The HTML pages with which libevent refuses a request (behaviour items 111, 115 and 118)."""

from __future__ import annotations

from http import HTTPStatus

__all__ = ["html_page"]


def html_page(status: int) -> bytes:
    """Return the page for an HTTP status, e.g. 404."""
    phrase = HTTPStatus(status).phrase
    return (
        f"<HTML><HEAD>\n<TITLE>{status} {phrase}</TITLE>\n</HEAD><BODY>\n<H1>{phrase}</H1>\n</BODY></HTML>\n"
    ).encode()
