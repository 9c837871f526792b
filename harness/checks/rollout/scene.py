"""Scene: the check's own server with its versions, the traffic on it, and what every question has to bring."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.checks.rollout.calls import Ask
from harness.checks.rollout.judge import Change, Timeline
from harness.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.checks.rollout.calls import Outcome
    from harness.checks.rollout.place import Place
    from harness.checks.rollout.traffic import Traffic
    from harness.clients import GrpcClient
    from harness.model_config import ModelConfig
    from harness.prediction import VersionStatus
    from harness.servers import Server

__all__ = ["Look", "Scene"]

_LOOK_S = 0.01


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the server said of a model's versions.

    Attributes:
        at_ns: when its answer was there.
        versions: status by number.
    """

    at_ns: int
    versions: Mapping[int, VersionStatus]

    def serves(self, *versions: int) -> bool:
        """Whether these are available, and no others."""
        return {number for number, status in self.versions.items() if status.is_available} == set(versions)

    def is_over(self, *versions: int) -> bool:
        """Whether these were served, and are gone."""
        return all(number in self.versions and self.versions[number].state == "END" for number in versions)

    def has_failed(self, *versions: int) -> bool:
        """Whether the load of one of these ended in an error."""
        return any(number in self.versions and self.versions[number].has_failed for number in versions)

    def __str__(self) -> str:
        """Return all states."""
        return ", ".join(str(status) for status in self.versions.values()) or "no versions"


@dataclass(kw_only=True, eq=False)
class Scene:
    """What the steps of a rollout act on.

    Attributes:
        place: the versions.
        server: the server.
        admin: a client of the model that is rolled out, beside the traffic's.
        admin_beside: a client of the other model.
        traffic: the requests that flow.
        limit_s: how long the server may take for a change.
        timelines: what each question has to bring.
        config: the model's config as the server has it.
    """

    place: Place
    server: Server
    admin: GrpcClient
    admin_beside: GrpcClient
    traffic: Traffic
    limit_s: float
    timelines: dict[Ask, Timeline] = field(default_factory=dict)
    config: ModelConfig

    @property
    def latest(self) -> Ask:
        """The question for the latest version."""
        return Ask(model=self.place.name)

    @property
    def beside(self) -> Ask:
        """The question for the other model."""
        return Ask(model=self.place.name_beside)

    def version(self, number: int) -> Ask:
        """The question for one version."""
        return Ask(model=self.place.name, version=number)

    def want(self, version: int) -> int:
        """Bring the server to want one version; returns when it was told, in nanoseconds."""
        if not self.place.by_files:
            return self.reload(self.place.config(version))
        began_ns = time.perf_counter_ns()
        self.place.hide_above(version)
        self.place.show(version)
        return began_ns

    def reload(self, config: ModelConfig, *, without_beside: bool = False) -> int:
        """Give the server a config by its reload RPC; returns when it was sent, in nanoseconds.

        Raises:
            CallError: the server refused it.
        """
        models = [config] if without_beside else [config, self.place.config_beside]
        began_ns = time.perf_counter_ns()
        self.admin.reload_config([self.server.inside(model) for model in models], timeout_s=self.limit_s)
        self.config = config
        return began_ns

    def look(self, *, beside: bool = False) -> Look:
        """Ask for the state of all versions.

        Raises:
            CallError: the server gave no answer.
        """
        statuses = (self.admin_beside if beside else self.admin).model_status()
        return Look(at_ns=time.perf_counter_ns(), versions={status.version: status for status in statuses})

    def wait(
        self, what: str, is_so: Callable[[Look], bool], *, loads: Iterable[int] = (), beside: bool = False
    ) -> Sequence[Look]:
        """Look until something is so, and return all looks.

        Args:
            what: what is waited for, for people.
            is_so: whether a look shows it.
            loads: versions that must not fail to load meanwhile.
            beside: whether the other model is looked at.

        Raises:
            CheckError: it takes too long, or cannot come any more.
            CallError: the server gave no answer.
        """
        needed = tuple(loads)
        began_s = time.monotonic()
        looks = [self.look(beside=beside)]
        while not is_so(looks[-1]):
            if looks[-1].has_failed(*needed):
                raise CheckError(f"{what} will never be so: the server's status shows {looks[-1]}")
            if time.monotonic() - began_s > self.limit_s:
                raise CheckError(f"waited {self.limit_s:g} s until {what}; the server's status shows {looks[-1]}")
            time.sleep(_LOOK_S)
            looks.append(self.look(beside=beside))
        return looks

    def change(self, begun_ns: int, done_ns: int, outcomes: Mapping[Ask, Outcome]) -> None:
        """Have questions bring something else from now on."""
        for ask, outcome in outcomes.items():
            change = Change(begun_ns=begun_ns, done_ns=done_ns, outcome=outcome)
            self.timelines[ask] = self.timelines[ask].then(change)

    def ask_also(self, ask: Ask, outcome: Outcome) -> None:
        """Let a further question flow, in the lanes that ask for versions by number."""
        self.timelines[ask] = Timeline(first=outcome)
        for lane in self.traffic.lanes:
            if any(one.version is not None for one in lane.asks):
                lane.asks = (*lane.asks, ask)

    def settle(self) -> None:
        """Return when each question was asked once more over each API.

        Raises:
            CheckError: that takes too long.
        """
        self.traffic.settle()
