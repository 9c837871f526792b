"""Swarm: load from many machines, by Locust's masters and workers. Import it in a locustfile, nowhere else.

    from harness.swarm import GrpcUser, RestUser

is a whole locustfile. The users send requests that are encoded once per process and keep their latencies in histograms
of 1 us (`harness.swarm.tally`), which travel with Locust's own reports and are joined where the run is started
(`harness.swarm.hooks`). Importing it tells grpcio to yield to gevent, so it needs Locust's patched process.
"""

from locust import events

from harness.swarm import hooks
from harness.swarm.grpc_user import GrpcUser
from harness.swarm.rest_user import RestUser

__all__ = ["GrpcUser", "RestUser"]

hooks.register(events)
