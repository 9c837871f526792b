"""Pool file: encoded requests as a file, so that many workers send the very same bytes without asking the server."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from harness.errors import UsageError
from harness.load import EncodedRequest
from harness.measure.pool import RequestPool
from harness.results import write_whole

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = ["read_pool", "write_pools"]


def write_pools(pools: Iterable[RequestPool], path: str | os.PathLike[str]) -> Path:
    """Write what is to be sent, of one pool for each API; the file appears whole or not at all.

    Raises:
        ReportError: it cannot be written there.
    """
    return write_whole(orjson.dumps({pool.api: _as_json(pool) for pool in pools}), path)


def read_pool(path: str | os.PathLike[str], api: str) -> RequestPool:
    """Return the pool of an API.

    Raises:
        UsageError: the file cannot be read, is no such file, or holds no requests for this API.
    """
    try:
        content = orjson.loads(Path(path).read_bytes())
    except OSError as exc:
        raise UsageError(f"the requests {path} cannot be read: {exc.strerror or exc}") from exc
    except orjson.JSONDecodeError as exc:
        raise UsageError(f"{path} is no file of encoded requests: {exc}; write one with write_pools") from exc
    if not isinstance(content, dict) or not content.get(api):
        raise UsageError(f"{path} holds no requests for {api}; write them with write_pools")
    try:
        return _from_json(content[api], api)
    except (KeyError, TypeError, ValueError) as exc:
        raise UsageError(f"{path} is no file of encoded requests: {exc!r}; write one with write_pools") from exc


def _as_json(pool: RequestPool) -> dict[str, Any]:
    return {
        "method": pool.method,
        "source": pool.source,
        "batch_size": pool.batch_size,
        "requests": [
            {"body": base64.b64encode(each.body).decode(), "path": each.method, "headers": each.headers}
            for each in pool.encoded
        ],
    }


def _from_json(content: dict[str, Any], api: Any) -> RequestPool:
    encoded = tuple(
        EncodedRequest(
            body=base64.b64decode(each["body"], validate=True),
            method=each["path"],
            headers=tuple((name, value) for name, value in each["headers"]),
        )
        for each in content["requests"]
    )
    if not encoded:
        raise UsageError(f"there is no request for {api}; write some with write_pools")
    return RequestPool(
        api=api,
        method=content["method"],
        encoded=encoded,
        source=content["source"],
        batch_size=content["batch_size"],
    )
