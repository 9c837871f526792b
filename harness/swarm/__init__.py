"""Swarm: load from many machines, by Locust's masters and workers. Import its users in a locustfile, nowhere else.

    from harness.swarm import GrpcUser, RestUser

is a whole locustfile. The users send requests that are encoded once per process and keep their latencies in histograms
of 1 us (`harness.swarm.tally`), which travel with Locust's own reports and are joined where the run is started
(`harness.swarm.hooks`). Locust patches the process that imports it, so the users are imported when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.swarm.pool_file import read_pool, write_pools

if TYPE_CHECKING:
    from harness.swarm.grpc_user import GrpcUser
    from harness.swarm.rest_user import RestUser

__all__ = ["GrpcUser", "RestUser", "read_pool", "write_pools"]


def __getattr__(name: str) -> Any:
    """Import a user class, and have Locust's events heard."""
    if name not in ("GrpcUser", "RestUser"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from locust import events

    from harness.swarm import hooks

    hooks.register(events)
    if name == "GrpcUser":
        from harness.swarm.grpc_user import GrpcUser

        return GrpcUser
    from harness.swarm.rest_user import RestUser

    return RestUser
