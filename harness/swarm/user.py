"""ServingUser: what users of both APIs have in common: pace, the next request, and telling how it ended."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from locust import User, task

from harness.load.status import status_name, succeeded
from harness.swarm.hooks import member_of, pool_of
from harness.swarm.pacing import Pacer

if TYPE_CHECKING:
    from harness.load import EncodedRequest
    from harness.results.measured import Api

__all__ = ["Ending", "RequestFailedError", "ServingUser"]

_numbers = itertools.count()


class Ending(NamedTuple):
    """How a request ended: a status as in `harness.load.status`, the answer's size, the error's text."""

    status: int
    response_bytes: int = 0
    message: str = ""


class RequestFailedError(Exception):
    """What Locust is told of a request that was not answered well."""


class ServingUser(User):  # type: ignore[misc]  # Locust's classes are not seen by the type checker
    """A user with a connection of its own; `api` and `call` are a subclass's."""

    abstract = True
    api: ClassVar[Api]

    def on_start(self) -> None:
        """Connect, and begin the schedule."""
        options: Any = self.environment.parsed_options
        self.timeout_s: float = options.serving_timeout
        self._member = member_of(self.environment)
        self._pacer = Pacer(
            rate_per_s=options.serving_rate, arrivals=options.serving_arrivals, now_ns=time.perf_counter_ns()
        )
        self._encoded = pool_of(self.environment, self.api).encoded
        self._member.users[self.api] = self._member.users.get(self.api, 0) + 1
        self.connect()
        time.sleep(self._pacer.wait_s(time.perf_counter_ns()))

    def on_stop(self) -> None:
        """Disconnect."""
        self.disconnect()

    def wait_time(self) -> float:
        """Return the seconds until the next request is due."""
        return self._pacer.wait_s(time.perf_counter_ns())

    @task  # type: ignore[untyped-decorator]  # same
    def send(self) -> None:
        """Send the next request of the pool; its latency counts from when it was due."""
        request = self._encoded[next(_numbers) % len(self._encoded)]
        scheduled_ns = self._pacer.scheduled_ns(time.perf_counter_ns())
        ending = self.call(request)
        done_ns = time.perf_counter_ns()
        self._member.tallies[self.api].add(scheduled_ns=scheduled_ns, done_ns=done_ns, status=ending.status)
        self._tell(request, ending, (done_ns - scheduled_ns) / 1e6)

    def _tell(self, request: EncodedRequest, ending: Ending, latency_ms: float) -> None:
        failed = not succeeded(ending.status)
        text = f"{status_name(ending.status)}: {ending.message}" if ending.message else status_name(ending.status)
        self.environment.events.request.fire(
            request_type=self.api,
            name=request.method,
            response_time=latency_ms,
            response_length=ending.response_bytes,
            exception=RequestFailedError(text) if failed else None,
            context={},
        )

    def connect(self) -> None:
        """Prepare a connection of this user."""
        raise NotImplementedError

    def disconnect(self) -> None:
        """Close it."""
        raise NotImplementedError

    def call(self, request: EncodedRequest) -> Ending:
        """Send one request and wait for its end; failures of any kind are endings, too."""
        raise NotImplementedError
