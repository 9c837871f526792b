"""What a process of the swarm sends over an API: a pool that is encoded once, whatever the number of users."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.checks.subject import Subject
from harness.clients import open_client
from harness.errors import UsageError
from harness.measure.pool_for import pool_for
from harness.swarm.options import endpoint_of
from harness.swarm.pool_file import read_pool

if TYPE_CHECKING:
    from locust.env import Environment

    from harness.measure import RequestPool
    from harness.results.measured import Api

__all__ = ["find_pool"]


def find_pool(environment: Environment, api: Api) -> RequestPool:
    """Return the requests to send, of the file of encoded ones, or made by what the server says of its signatures.

    Raises:
        HarnessError: there are none, or the server does not answer.
    """
    options: Any = environment.parsed_options
    endpoint = endpoint_of(environment)
    if (endpoint.grpc if api == "grpc" else endpoint.rest) is None:
        raise UsageError(f"there are users of {api}, but no {api} address; give one with --serving-endpoint")
    if options.serving_requests:
        return read_pool(options.serving_requests, api)
    with open_client(endpoint, api) as client:
        signatures = {name: one for name, one in client.signatures().items() if not one.is_internal}
        clients: dict[str, Any] = {api: client}
        return pool_for(
            Subject(model=endpoint.model, signatures=signatures, **clients),
            api,
            examples=Path(options.serving_examples) if options.serving_examples else None,
            signature=options.serving_signature or None,
        )
