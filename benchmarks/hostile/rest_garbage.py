"""Generated REST requests: each function draws one, as the bytes to send."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

from benchmarks.hostile.mutation import mutate
from benchmarks.hostile.server import PROBE, post

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = [
    "bad_gzip",
    "deep_nesting",
    "huge_numbers",
    "mutated_json",
    "odd_frames",
    "odd_urls",
    "random_body",
    "random_bytes",
]


def random_bytes(rng: random.Random) -> bytes:
    """Bytes that are hardly HTTP."""
    return rng.randbytes(rng.randrange(1, 300))


def random_body(rng: random.Random) -> bytes:
    """A POST whose body is hardly JSON."""
    return post(rng.randbytes(rng.randrange(300)))


def mutated_json(rng: random.Random) -> bytes:
    """A request that was nearly right, then damaged."""
    body = bytearray(json.dumps(_document(rng)).encode())
    for _ in range(rng.randrange(4)):
        mutate(rng, body)
    verb = rng.choice((b"predict", b"predict", b"classify", b"regress"))
    return post(bytes(body), b"/v1/models/m:" + verb)


def _document(rng: random.Random) -> Any:
    """Return a request that is nearly right."""
    signature = rng.choice(("serving_default", "", "classify", "regress", "nope", 5, None))
    key = rng.choice(("instances", "inputs", "examples", "instances"))
    document = {key: _value(rng, 3)}
    if rng.random() < 0.4:
        document["signature_name"] = signature
    if rng.random() < 0.1:
        document["context"] = _value(rng, 2)
    return document


def _value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(9 if depth else 6)
    scalars: tuple[Callable[[], Any], ...] = (
        lambda: rng.uniform(-1e6, 1e6),
        lambda: rng.randrange(-(2**65), 2**65),
        lambda: rng.choice((True, False, None)),
        lambda: rng.choice(("a", "é", "\x00", "x" * 400, "/v1/../../etc/passwd")),
        lambda: {"b64": base64.b64encode(rng.randbytes(4)).decode()[: rng.randrange(9)]},
        lambda: rng.random() * 10.0 ** rng.randrange(-300, 300),
    )
    if kind < len(scalars):
        return scalars[kind]()
    if kind == 6:
        return {rng.choice(("x", "b64", "y", "")): _value(rng, depth - 1) for _ in range(rng.randrange(3))}
    return [_value(rng, depth - 1) for _ in range(rng.randrange(5))]


def deep_nesting(rng: random.Random) -> bytes:
    """Lists or objects in each other, up to 20,000 deep, closed or not."""
    depth = rng.choice((100, 1000, 20_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"x":', b"}"), (b'[{"x":', b"}]")))
    closed = closing * rng.choice((depth, depth - 1, 0))
    return post(b'{"%s": ' % rng.choice((b"instances", b"inputs")) + opening * depth + b"1" + closed + b"}")


def huge_numbers(rng: random.Random) -> bytes:
    """One number of up to 5,000 digits, with or without an exponent."""
    digits = b"9" * rng.choice((20, 100, 400, 5000))
    number = rng.choice((digits, b"-" + digits, b"0." + digits, b"1e" + digits, b"1e-" + digits, digits + b"e-5000"))
    return post(b'{"instances": [' + number + b"]}")


def odd_urls(rng: random.Random) -> bytes:
    """A URL that leaves the model, or an odd method."""
    part = rng.choice((
        "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "m%00", "m/versions/" + "9" * 30, "%ff%fe",
        "m/labels/../x",
        "m" * 10_000, "m/metadata", "%zz", "m/versions/1", "", "C:\\windows",
        "m?x=../../", "m#x", "\xff", "m/../../1/saved_model.pb",
    ))  # fmt: skip
    method = rng.choice(("GET", "POST", "HEAD", "OPTIONS", "PUT", "CONNECT", "TRACE", "FOO", "get"))
    target = f"/v1/models/{part}" + rng.choice(("", ":predict", ":classify"))
    return f"{method} {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode("latin-1")


def odd_frames(rng: random.Random) -> bytes:
    """Framing that contradicts itself, is another protocol, or comes many times over."""
    return rng.choice((
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET /v1/models/m HTTP/1.1\r\n" + b"X: y\r\n" * rng.randrange(1, 5000) + b"\r\n",
        b"GET /v1/models/m HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
        b"GET /v1/models/m HTTP/1.0\r\n\r\n",
        b"GET /v1/models/m HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(50),
        (b"GET /v1/models/m HTTP/1.1\r\nHost: h\r\n\r\n" * 20) + post(PROBE),
    ))  # fmt: skip


def bad_gzip(rng: random.Random) -> bytes:
    """A damaged gzip body."""
    data = bytearray(gzip.compress(PROBE))
    mutate(rng, data)
    return post(bytes(data), b"/v1/models/m:predict", b"Content-Encoding: gzip")
