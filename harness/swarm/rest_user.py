"""RestUser: a Locust user that sends encoded REST requests over a kept-alive connection of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from harness.headers import merged_headers
from harness.load.status import BAD_RESPONSE, CONNECTION_FAILED, CONNECTION_LOST, TIMEOUT, succeeded
from harness.swarm.options import endpoint_of
from harness.swarm.user import Ending, ServingUser

if TYPE_CHECKING:
    from harness.load import EncodedRequest
    from harness.results.measured import Api

__all__ = ["RestUser"]

_MOST_CHARACTERS = 200


class RestUser(ServingUser):
    """Sends the pool's requests over REST."""

    api: ClassVar[Api] = "rest"

    def connect(self) -> None:
        """Prepare a connection; it is made at the first request."""
        endpoint = endpoint_of(self.environment)
        options: dict[str, Any] = {}
        tls = endpoint.tls_over("rest")
        if tls is not None:
            options["ssl_context_factory"] = lambda **_: tls.context()
            options["ssl_options"] = {} if tls.server_name is None else {"server_hostname": tls.server_name}
        self._client = HTTPClient.from_url(
            endpoint.rest,
            concurrency=1,
            connection_timeout=self.timeout_s,
            network_timeout=self.timeout_s,
            **options,
        )
        self._prefix = _path_of(endpoint.rest or "")
        self._headers = endpoint.headers

    def disconnect(self) -> None:
        """Close the connection."""
        self._client.close()

    def call(self, request: EncodedRequest) -> Ending:
        """Send bytes, get bytes; the whole answer is read."""
        headers = {"Content-Type": "application/json", **dict(merged_headers(self._headers, request.headers))}
        try:
            response = self._client.request(request.verb, self._prefix + request.method, request.body, headers)
            body = bytes(response.read())
        except TimeoutError as exc:
            return Ending(TIMEOUT, 0, str(exc))
        except ConnectionRefusedError as exc:
            return Ending(CONNECTION_FAILED, 0, str(exc))
        except HTTPParseError as exc:
            return Ending(BAD_RESPONSE, 0, str(exc))
        except (HTTPConnectionClosed, OSError) as exc:
            return Ending(CONNECTION_LOST, 0, str(exc))
        status = response.status_code
        text = "" if succeeded(status) else body[:_MOST_CHARACTERS].decode(errors="replace")
        return Ending(status, len(body), text)


def _path_of(url: str) -> str:
    _, _, path = url.partition("://")[2].partition("/")
    return f"/{path.strip('/')}" if path.strip("/") else ""
