"""RequestPool: many different requests for one API, encoded once, and what they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.checks.request import Method, Request
    from harness.load import EncodedRequest
    from harness.results.measured import Api

__all__ = ["RequestPool"]


@dataclass(frozen=True, kw_only=True)
class RequestPool:
    """What a load run sends.

    Attributes:
        api: ``grpc`` or ``rest``.
        method: ``predict``, ``classify`` or ``regress``.
        encoded: the requests as they go over the wire, in the order of `requests`.
        requests: what they ask.
        source: where they come from, for people, e.g. ``24 of the model's warm-up records``.
        batch_size: examples in each request, None if not known or not the same in all.
        at_s: for requests of a log, when each arrived, in seconds from the first; empty otherwise.
    """

    api: Api
    method: Method
    encoded: tuple[EncodedRequest, ...] = field(repr=False)
    requests: tuple[Request, ...] = field(default=(), repr=False)
    source: str = ""
    batch_size: int | None = None
    at_s: tuple[float, ...] = ()
