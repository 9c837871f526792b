"""The REST API: from a request to a reply, given the server's core; no sockets here."""

from __future__ import annotations

import re
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.standin import log
from harness.standin.json.status import error_body
from harness.standin.rest.calls import RestCalls
from harness.standin.rest.pages import html_page
from harness.standin.rest.url import route
from harness.standin.status import HTTP_STATUS, StatusError

if TYPE_CHECKING:
    from harness.standin.core import ServerCore
    from harness.standin.monitoring import Metrics
    from harness.standin.rest.url import Route

__all__ = ["RestHandler", "RestReply", "RestRequest", "page"]

_JSON, _HTML, _TEXT = "application/json", "text/html", "text/plain"
_LIBEVENT_DEFAULT = "text/html; charset=ISO-8859-1"
_UNEXPECTED = "Internal error; the server's log has the details"
_ORIGIN = re.compile(r"https?://")  # anywhere in the header, as the genuine server looks for it
_CORS_HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "POST, GET"),
    ("Access-Control-Allow-Headers", "Content-Type"),
)


@dataclass
class RestRequest:
    """One request, its body inflated already.

    Attributes:
        method: as it was sent, e.g. ``POST``.
        target: the request target, e.g. ``/v1/models/m:predict``.
        origin: the Origin header, or None.
        body: the body; whoever reads it takes it away, so that a large one is not kept while the model runs.
    """

    method: str
    target: str
    origin: str | None = None
    body: bytes | bytearray = b""

    def take_body(self) -> bytes | bytearray:
        """Return the body and let go of it."""
        body, self.body = self.body, b""
        return body


@dataclass(frozen=True)
class RestReply:
    """One reply: HTTP status, content type, body and the headers beyond those every reply has.

    ``is_page`` tells one of libevent's pages, after which the connection is closed.
    """

    status: int
    content_type: str
    body: bytes | bytearray
    headers: tuple[tuple[str, str], ...] = field(default=())
    is_page: bool = False


def page(status: int) -> RestReply:
    """Return the page with which libevent refuses a request; it closes the connection."""
    return RestReply(status, _HTML, html_page(status), (("Connection", "close"),), is_page=True)


class RestHandler:
    """Answers requests; safe to call from any thread."""

    def __init__(
        self, core: ServerCore, *, timeout_s: float | None, cors: bool, metrics: Metrics, metrics_path: str | None
    ) -> None:
        """Answer with the core's models; a run may take ``timeout_s`` seconds, None for no limit (item 128)."""
        self._calls = RestCalls(core, timeout_s=timeout_s)
        self._headers = _CORS_HEADERS if cors else ()
        self._metrics = metrics
        self._metrics_path = metrics_path

    def handle(self, request: RestRequest) -> RestReply:
        """Return the reply to a request; whatever goes wrong, there is one."""
        found = route(request.method, request.target)
        if found is None:
            return page(400)
        if self._metrics_path is not None and found.path == self._metrics_path:
            return self._metrics_page(found.whole_path)
        if not found.is_api:
            return page(404)
        begin_s = time.perf_counter()
        model, api, code, reply = self._answer(request, found)
        self._metrics.count_request(model, code)
        if code == "OK" and request.method != "OPTIONS":
            self._metrics.observe_latency(model, api, "REST", (time.perf_counter() - begin_s) * 1e6)
        return reply

    def _metrics_page(self, whole_path: str) -> RestReply:
        """Answer on the metrics path, whatever the method (behaviour items 190 and 191)."""
        if whole_path != self._metrics_path:
            text = f"Unexpected path: {whole_path}. Should be {self._metrics_path}"
            return RestReply(400, _TEXT, text.encode())
        return RestReply(200, _TEXT, self._metrics.render())

    def _answer(self, request: RestRequest, found: Route) -> tuple[str, str, str, RestReply]:
        """Return the model's name, the called API and the status for the metrics, and the reply."""
        if request.method == "OPTIONS":
            allowed = request.origin is not None and _ORIGIN.search(request.origin) is not None
            return "", "", "OK", RestReply(200 if allowed else 400, _LIBEVENT_DEFAULT, b"", self._headers)
        if found.too_big_for is not None:
            # The genuine server says why only to itself (behaviour item 117).
            return found.too_big_for, "", "INVALID_ARGUMENT", RestReply(400, _JSON, b"", self._headers)
        if found.model is None:
            malformed = StatusError("INVALID_ARGUMENT", f"Malformed request: {request.method} {found.whole_path}")
            return "", "", malformed.code, self._error(malformed)
        name, api = found.model.name, found.model.what if request.method == "POST" else ""
        try:
            body = self._calls.call(request, found.model, found.whole_path)
        except StatusError as error:
            return name, api, error.code, self._error(error)
        except Exception:  # noqa: BLE001 - the client gets an answer, the log the reason
            where = f"{request.method} {found.whole_path}"
            log.error("rest/handler.py", f"Unexpected error at {where}:\n{traceback.format_exc()}")
            return name, api, "INTERNAL", self._error(StatusError("INTERNAL", _UNEXPECTED))
        return name, api, "OK", RestReply(200, _JSON, body, self._headers)

    def _error(self, error: StatusError) -> RestReply:
        return RestReply(HTTP_STATUS.get(error.code, 500), _JSON, error_body(error.message), self._headers)
