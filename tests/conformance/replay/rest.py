"""REST exchanges, written by hand on a socket: a recorded request may break rules that an HTTP client keeps."""

from __future__ import annotations

import base64
import gzip
import socket
from contextlib import suppress
from typing import Any

__all__ = ["COMPARED", "exchange"]

COMPARED = ("content-type", "content-encoding")
_COMPARED_PREFIX = "access-control-"
_TIMEOUT_S = 60.0


def exchange(port: int, request: dict[str, Any]) -> dict[str, Any]:
    """Send one request on a new connection and read the answer to its end.

    Returns:
        status (0 if the connection brought no answer), the compared headers, and the body as bytes.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S) as connection:
        with suppress(ConnectionError):  # an early answer, e.g. to a refused method, is still there to be read
            connection.sendall(_wire(port, request))
        return _read(connection)


def _wire(port: int, request: dict[str, Any]) -> bytes:
    body = _body(request)
    headers = {"Host": f"127.0.0.1:{port}", "Connection": "close", **request.get("headers", {})}
    chunk = request.get("chunk")
    if chunk:
        headers["Transfer-Encoding"] = "chunked"
    elif body is not None:
        headers.setdefault("Content-Length", str(len(body)))
    lines = [f"{request['method']} {request['path']} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())]
    head = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
    return head + (_chunks(body or b"", chunk) if chunk else body or b"")


def _body(request: dict[str, Any]) -> bytes | None:
    if "body_b64" in request:
        return base64.b64decode(request["body_b64"])
    if "body" not in request:
        return None
    text = request["body"]
    if "repeat" in request:
        text = text.replace("@", "1.0," * request["repeat"], 1)
    body = text.encode("utf-8", "surrogateescape")
    return gzip.compress(body) if request.get("gzip") else body


def _chunks(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _read(connection: socket.socket) -> dict[str, Any]:
    data = bytearray()
    while True:
        try:
            piece = connection.recv(1 << 16)
        except (ConnectionError, TimeoutError):
            break
        if not piece:
            break
        data += piece
        if _is_whole(bytes(data)):
            break
    return _parse(bytes(data))


def _split(data: bytes) -> tuple[int, dict[str, str], bytes] | None:
    """Status, headers by lower-case name, and what follows; interim answers are passed over."""
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ", 2)[1])
    if 100 <= status < 200:
        return _split(rest)
    return status, {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}, rest


def _is_whole(data: bytes) -> bool:
    """Whether a kept-alive connection has brought the whole answer."""
    parts = _split(data)
    return parts is not None and len(parts[2]) >= int(parts[1].get("content-length", 1 << 62))


def _parse(data: bytes) -> dict[str, Any]:
    parts = _split(data)
    if parts is None:
        return {"status": 0, "headers": {}, "body": data}
    status, headers, body = parts
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _unchunk(body)
    compared = {k: v for k, v in headers.items() if k in COMPARED or k.startswith(_COMPARED_PREFIX)}
    return {"status": status, "headers": compared, "body": body}


def _unchunk(data: bytes) -> bytes:
    body = bytearray()
    while data:
        size_text, _, data = data.partition(b"\r\n")
        size = int(size_text.split(b";")[0], 16)
        if not size:
            break
        body += data[:size]
        data = data[size + 2 :]
    return bytes(body)
