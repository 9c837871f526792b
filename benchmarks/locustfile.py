"""Load from many machines: `locust -f benchmarks/locustfile.py GrpcUser --headless -u 20 -r 20 -t 10s ...`."""

from harness.swarm import GrpcUser, RestUser

__all__ = ["GrpcUser", "RestUser"]
