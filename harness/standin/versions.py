"""The life cycle of model versions: a state machine without files, TensorFlow, threads or a clock.

A source says which versions of a model it aspires to; :meth:`VersionStates.step` answers with the next thing to do,
a load or an unload, one at a time; whoever carries it out reports back. Every change of state is published as a
:class:`Change`, and the last one of each version is kept for the status API (behaviour items 78 to 92).

The rules that make the difference:

- Availability comes first: a version that is no longer aspired is unloaded only once an aspired one is ready, or
  when none is aspired at all; at most one such left-over is kept (item 87).
- A list that names a version which is still managed though no longer aspired waits until that version is gone. So
  after a failed version 2 that replaced 1, asking for 1 again waits for ever, as 1 is kept for lack of a better one
  (item 88). A newer list takes the place of one that waits.
- A failed version stays failed while it is aspired; it is forgotten when it no longer is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.standin.status import StatusError

__all__ = ["Action", "Change", "PublicState", "VersionStates"]

PublicState = Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]


class _State(Enum):
    """Where a managed version stands."""

    NEW = "new"
    LOADING = "loading"
    READY = "ready"
    UNLOADING = "unloading"
    GONE = "gone"
    ERROR = "error"


# A version in one of these states is forgotten as soon as it is not aspired.
_RESTING = frozenset({_State.NEW, _State.GONE, _State.ERROR})


@dataclass(frozen=True)
class Action:
    """Something to be done now.

    Attributes:
        kind: whether to load or to unload.
        model: the model's name.
        version: the version's number.
        path: the version's folder, as given when it was first aspired.
    """

    kind: Literal["load", "unload"]
    model: str
    version: int
    path: str


@dataclass(frozen=True)
class Change:
    """A version's new state, as the status API shows it; ``error`` says why a load ended."""

    model: str
    version: int
    state: PublicState
    error: StatusError | None = None


@dataclass
class _Version:
    """One managed version; ``path`` is where it lies."""

    path: str
    state: _State = _State.NEW
    aspired: bool = True


class VersionStates:
    """All versions of all models."""

    def __init__(self) -> None:
        """Start without any model."""
        self._managed: dict[str, dict[int, _Version]] = {}
        self._pending: dict[str, dict[int, str]] = {}
        self._changes: list[Change] = []
        self.history: dict[str, dict[int, Change]] = {}

    def aspire(self, model: str, versions: Mapping[int, str]) -> None:
        """Ask for exactly these versions of a model (number to folder); a list still waiting is replaced."""
        self._pending[model] = dict(versions)

    def step(self) -> Action | None:
        """Take in what was aspired and return the next action, or None if there is nothing to do now.

        The action counts as begun: report its end with :meth:`loaded`, :meth:`failed` or :meth:`unloaded`.
        """
        self._forget_resting()
        self._take_pending()
        actions = [action for action in map(self._next_action, sorted(self._managed)) if action]
        if not actions:
            return None
        action = next((action for action in actions if action.kind == "unload"), actions[0])
        self._begin(action)
        return action

    def _forget_resting(self) -> None:
        for model, versions in list(self._managed.items()):
            for number, version in list(versions.items()):
                if not version.aspired and version.state in _RESTING:
                    del versions[number]
            if not versions:
                del self._managed[model]

    def _take_pending(self) -> None:
        for model, wanted in list(self._pending.items()):
            managed = self._managed.setdefault(model, {})
            if any(not version.aspired and number in wanted for number, version in managed.items()):
                continue
            del self._pending[model]
            for number, version in managed.items():
                version.aspired = number in wanted
            for number in sorted(wanted.keys() - managed.keys()):
                managed[number] = _Version(wanted[number])
                self._publish(model, number, "START")

    def _next_action(self, model: str) -> Action | None:
        """What the availability-preserving policy wants for one model."""
        versions = self._managed[model]
        aspired = [version for version in versions.values() if version.aspired]
        left_over = sorted(n for n, v in versions.items() if not v.aspired and v.state is _State.READY)
        replaced = not aspired or any(version.state is _State.READY for version in aspired)
        if left_over and (replaced or len(left_over) > 1):
            return self._action("unload", model, left_over[0])
        new = [number for number, version in versions.items() if version.aspired and version.state is _State.NEW]
        return self._action("load", model, max(new)) if new else None

    def _action(self, kind: Literal["load", "unload"], model: str, number: int) -> Action:
        return Action(kind, model, number, self._managed[model][number].path)

    def _begin(self, action: Action) -> None:
        version = self._managed[action.model][action.version]
        version.state = _State.LOADING if action.kind == "load" else _State.UNLOADING
        self._publish(action.model, action.version, "LOADING" if action.kind == "load" else "UNLOADING")

    def is_wanted(self, action: Action) -> bool:
        """Whether a version being loaded is still aspired; if not, a failed load is not tried again (item 89)."""
        return self._managed[action.model][action.version].aspired

    def loaded(self, action: Action) -> None:
        """Report that a load went well."""
        self._finish(action, _State.READY, "AVAILABLE")

    def failed(self, action: Action, error: StatusError) -> None:
        """Report that a load failed and will not be tried again."""
        self._finish(action, _State.ERROR, "END", error)

    def unloaded(self, action: Action) -> None:
        """Report that an unload is done."""
        self._finish(action, _State.GONE, "END")

    def _finish(self, action: Action, state: _State, public: PublicState, error: StatusError | None = None) -> None:
        self._managed[action.model][action.version].state = state
        self._publish(action.model, action.version, public, error)

    def _publish(self, model: str, number: int, state: PublicState, error: StatusError | None = None) -> None:
        change = Change(model, number, state, error)
        self.history.setdefault(model, {})[number] = change
        self._changes.append(change)

    def changes(self) -> Iterator[Change]:
        """Hand out the changes published since the last call, oldest first."""
        changes, self._changes = self._changes, []
        return iter(changes)
