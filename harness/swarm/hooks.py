"""Hooks: where a swarm's member hears of Locust's events, and the end of a test becomes rows."""

from __future__ import annotations

import logging
import sys
import time
from datetime import datetime, timezone
from importlib import metadata
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import gevent
from locust.runners import MasterRunner, WorkerRunner

from harness.errors import HarnessError
from harness.option_values import without_secrets
from harness.results import Results, Run, check_writable, write_results
from harness.surroundings import machine, tool_versions
from harness.swarm.member import KEY, Member, Pace
from harness.swarm.options import add_options, endpoint_of
from harness.swarm.requests import find_pool
from harness.swarm.text import described

if TYPE_CHECKING:
    from locust.env import Environment

    from harness.measure import RequestPool
    from harness.results.measured import Api

__all__ = ["member_of", "pool_of", "register"]

_log = logging.getLogger(__name__)
_members: WeakKeyDictionary[Environment, Member] = WeakKeyDictionary()


def member_of(environment: Environment) -> Member:
    """Return this process's member of the swarm."""
    return _members.setdefault(environment, Member())


def pool_of(environment: Environment, api: Api) -> RequestPool:
    """Return what this process sends over an API; found and encoded once, for the first user that asks.

    A worker is not told which users it will run, so it cannot be done before.

    Raises:
        SystemExit: there is nothing to send; the reason is logged.
    """
    member = member_of(environment)
    with member.lock:
        try:
            return member.pools.get(api) or member.pools.setdefault(api, find_pool(environment, api))
        except HarnessError as exc:
            _log.error("%s", exc)
            raise SystemExit(2) from exc


def register(events: Any) -> None:
    """Hear of the command line and of the beginning of Locust; once, however often it is called."""
    if _begin not in events.init._handlers:  # noqa: SLF001 - Locust has no other way to ask
        events.init_command_line_parser.add_listener(add_options)
        events.init.add_listener(_begin)


def _begin(environment: Environment, **_: Any) -> None:
    gevent.get_hub().loop.update_now()  # imports took seconds; --run-time would count them
    _Listener(environment, member_of(environment)).listen()


class _Listener:
    """Tells a member of what happens."""

    def __init__(self, environment: Environment, member: Member) -> None:
        self._environment, self._member = environment, member
        self._started_s = time.monotonic()
        self._created = datetime.now(timezone.utc)
        self._ended = False

    def listen(self) -> None:
        events: Any = self._environment.events
        events.test_start.add_listener(self._start)
        events.worker_connect.add_listener(self._connected)
        events.spawning_complete.add_listener(self._spawned)
        events.report_to_master.add_listener(self._report)
        events.worker_report.add_listener(self._join)
        events.test_stop.add_listener(self._stop)

    def _start(self, **_: Any) -> None:
        self._started_s, self._created, self._ended = time.monotonic(), datetime.now(timezone.utc), False
        self._member.restart()
        if isinstance(self._environment.runner, MasterRunner):
            for client_id in list(self._environment.runner.clients):
                self._member.expect(client_id)
        try:
            endpoint_of(self._environment)
            if self._options.serving_results and not self._is_worker:
                check_writable(self._options.serving_results)
        except HarnessError as exc:
            _log.error("%s", exc)
            raise SystemExit(2) from exc

    def _spawned(self, **_: Any) -> None:
        if self._environment.reset_stats or getattr(self._options, "reset_stats", False):
            self._member.reset()

    def _connected(self, client_id: str, **_: Any) -> None:
        self._member.expect(client_id)

    def _report(self, client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002 - Locust's names
        data[KEY] = self._member.report(last=self._ended)

    def _join(self, client_id: str, data: dict[str, Any]) -> None:
        if KEY in data:
            self._member.join(client_id, data[KEY])
            if self._ended and data[KEY]["apis"]:
                self._conclude()

    def _stop(self, **_: Any) -> None:
        self._ended = True
        runner = self._environment.runner
        if isinstance(runner, WorkerRunner):
            runner._send_stats()  # noqa: SLF001 - Locust itself sends the last report after the master's test_stop
        else:
            self._conclude()

    def _conclude(self) -> None:
        """Show what the swarm measured, and write it; again if a report comes late."""
        options = self._options
        pace = Pace(rate_per_s=options.serving_rate, arrivals=options.serving_arrivals)
        rows = self._member.rows(model=options.serving_model, pace=pace, missing=self._missing())
        sys.stdout.write(described(rows))
        sys.stdout.flush()
        if not options.serving_results:
            return
        run = Run(
            created_utc=self._created.isoformat(),
            duration_s=time.monotonic() - self._started_s,
            command=without_secrets(sys.argv),
            versions={**tool_versions(), "locust": metadata.version("locust")},
        )
        try:
            write_results(Results(run=run, machine=machine(), throughput=rows), options.serving_results)
        except HarnessError as exc:
            _log.error("%s", exc)
            self._environment.process_exit_code = 2

    def _missing(self) -> tuple[str, ...]:
        runner = self._environment.runner
        return tuple(client.id for client in runner.clients.missing) if isinstance(runner, MasterRunner) else ()

    @property
    def _options(self) -> Any:
        return self._environment.parsed_options

    @property
    def _is_worker(self) -> bool:
        return isinstance(self._environment.runner, WorkerRunner)
