"""Refusals: which requests the page's server does not answer as asked, and with what it answers them instead. Pure.

The server listens on this machine alone, but every web page that is open here can send it requests. What keeps them
out: they cannot name its address as the host without being of another origin, and from another origin no browser
sends the header that an image has to come with.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.errors import CallError, HarnessError, UsageError
from harness.report import text

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["OUR_HEADER", "RefusedError", "check_host", "check_length", "check_sender", "refusal_of"]

OUR_HEADER = "X-Harness-Demo"  # its value does not matter


class RefusedError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
        text: what went wrong, for the page to show.
    """

    def __init__(self, status: HTTPStatus, text: str) -> None:
        """Keep both."""
        super().__init__(text)
        self.status = status
        self.text = text


def check_host(headers: Message, port: int) -> str:
    """Return the one host that a request names, if it is this machine by a name that no other can have.

    Raises:
        RefusedError: another host, several, or none.
    """
    end = "" if port == 80 else f":{port}"
    ours = {f"127.0.0.1{end}", f"localhost{end}"}
    hosts = headers.get_all("Host", [])
    if len(hosts) != 1 or hosts[0].lower() not in ours:
        raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, f"this page is at http://127.0.0.1:{port}/ alone")
    return str(hosts[0])


def check_sender(headers: Message, host: str) -> None:
    """Let only the page itself send images, and programs that know its header.

    Raises:
        RefusedError: another page's request, or one without the header.
    """
    foreign = any(origin.lower() != f"http://{host.lower()}" for origin in headers.get_all("Origin", []))
    foreign |= any(site.lower() != "same-origin" for site in headers.get_all("Sec-Fetch-Site", []))
    if foreign:
        raise RefusedError(HTTPStatus.FORBIDDEN, "only the page that this server shows may send it images")
    if OUR_HEADER not in headers:
        raise RefusedError(HTTPStatus.FORBIDDEN, f"an image has to come with the header {OUR_HEADER}: 1")


def check_length(headers: Message, most_bytes: int) -> int:
    """Return how many bytes the body has.

    Raises:
        RefusedError: that is not said, or more than are taken.
    """
    lengths = headers.get_all("Content-Length", [])
    if not lengths or "Transfer-Encoding" in headers:
        raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "an image has to come with its Content-Length")
    if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the Content-Length is no number of bytes")
    digits = lengths[0].lstrip("0") or "0"
    if len(digits) > 18 or int(digits) > most_bytes:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {text.size(most_bytes)} are taken")
    return int(digits)


def refusal_of(error: Exception, name: str) -> RefusedError:
    """Return the answer to an image on which client code failed.

    Args:
        error: what it raised.
        name: of the client code.
    """
    if isinstance(error, UsageError):
        return RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error))
    if isinstance(error, CallError):
        return RefusedError(HTTPStatus.BAD_GATEWAY, str(error))
    if isinstance(error, HarnessError):
        return RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    told = f"{name} raised {type(error).__name__}; the traceback is on the terminal where the demo runs"
    return RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, told)
