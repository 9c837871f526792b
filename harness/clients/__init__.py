"""Clients of a served model: RestClient and GrpcClient with one interface.

Both take an Endpoint and know nothing of how its server was started.
"""

from harness.clients.client import Client
from harness.clients.grpc_client import GrpcClient
from harness.clients.opening import open_client
from harness.clients.rest_client import RestClient
from harness.tls import Tls

__all__ = ["Client", "GrpcClient", "RestClient", "Tls", "open_client"]
