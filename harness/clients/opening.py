"""Opening: the client of an API that is named by a value, not by a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clients.grpc_client import GrpcClient
from harness.clients.rest_client import RestClient

if TYPE_CHECKING:
    from harness.endpoint import Endpoint

__all__ = ["open_client"]


def open_client(endpoint: Endpoint, api: str) -> GrpcClient | RestClient:
    """Return a client over ``grpc`` or ``rest``.

    Raises:
        UsageError: the endpoint has no such address.
    """
    return GrpcClient(endpoint) if api == "grpc" else RestClient(endpoint)
