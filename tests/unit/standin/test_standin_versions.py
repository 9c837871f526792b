"""The life cycle of versions, as a state machine: rules by example, and what holds whatever happens."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from harness.standin.status import StatusError
from harness.standin.versions import Action, VersionStates

_BROKEN = StatusError("DATA_LOSS", "broken")


def run(states: VersionStates, *, broken: frozenset[int] = frozenset()) -> list[tuple[str, int]]:
    """Carry out everything there is to do; returns what was done as (kind, version)."""
    done: list[tuple[str, int]] = []
    while (action := states.step()) is not None:
        done.append((action.kind, action.version))
        if action.kind == "unload":
            states.unloaded(action)
        elif action.version in broken:
            states.failed(action, _BROKEN)
        else:
            states.loaded(action)
    return done


def aspire(states: VersionStates, *versions: int) -> None:
    """Ask for exactly these versions of the model m."""
    states.aspire("m", {version: f"/m/{version}" for version in versions})


def states_of(states: VersionStates) -> dict[int, str]:
    """The public state of each version of m."""
    return {version: change.state for version, change in states.history["m"].items()}


def test_the_new_version_is_loaded_before_the_old_one_goes() -> None:
    """A hot swap loads first and unloads then (behaviour item 87)."""
    states = VersionStates()
    aspire(states, 1)
    run(states)
    aspire(states, 2)
    assert run(states) == [("load", 2), ("unload", 1)]
    assert states_of(states) == {1: "END", 2: "AVAILABLE"}


def test_a_failed_version_leaves_the_old_one_in_service() -> None:
    """When the new version cannot be loaded, the old one stays (behaviour item 88)."""
    states = VersionStates()
    aspire(states, 1)
    run(states)
    aspire(states, 2)
    assert run(states, broken=frozenset({2})) == [("load", 2)]
    assert states_of(states) == {1: "AVAILABLE", 2: "END"}
    assert states.history["m"][2].error is _BROKEN


def test_a_failed_version_is_not_tried_again() -> None:
    """The same list again changes nothing."""
    states = VersionStates()
    aspire(states, 2)
    run(states, broken=frozenset({2}))
    aspire(states, 2)
    assert run(states) == []


def test_the_failed_number_does_not_help_while_the_old_one_is_kept() -> None:
    """Removing and adding the failed number again does nothing; a new number does (behaviour item 88)."""
    states = VersionStates()
    aspire(states, 1)
    run(states)
    aspire(states, 2)
    run(states, broken=frozenset({2}))
    aspire(states, 1)
    assert run(states) == []
    aspire(states, 2)
    assert run(states) == []
    aspire(states, 3)
    assert run(states) == [("load", 3), ("unload", 1)]


def test_a_failed_number_alone_can_be_mended() -> None:
    """With nothing else kept, removing and adding the same number loads it."""
    states = VersionStates()
    aspire(states, 2)
    run(states, broken=frozenset({2}))
    aspire(states)
    assert run(states) == []
    aspire(states, 2)
    assert run(states) == [("load", 2)]


def test_an_empty_list_unloads_everything() -> None:
    """With no version wanted, the ready ones go, the lowest first (behaviour item 90)."""
    states = VersionStates()
    aspire(states, 1, 2)
    run(states)
    aspire(states)
    assert run(states) == [("unload", 1), ("unload", 2)]


def test_the_highest_new_version_is_loaded_first() -> None:
    """Of several new versions the highest comes first."""
    states = VersionStates()
    aspire(states, 3, 1, 2)
    assert run(states) == [("load", 3), ("load", 2), ("load", 1)]


def test_only_one_unwanted_version_is_kept() -> None:
    """While nothing wanted is ready, one left-over is kept and the lower ones go."""
    states = VersionStates()
    aspire(states, 1, 2)
    run(states)
    aspire(states, 3)
    assert run(states, broken=frozenset({3})) == [("unload", 1), ("load", 3)]
    assert states_of(states) == {1: "END", 2: "AVAILABLE", 3: "END"}


def test_unloads_come_before_loads_of_other_models() -> None:
    """An unload of any model is preferred to a load."""
    states = VersionStates()
    states.aspire("z", {1: "/z/1"})
    run(states)
    states.aspire("z", {})
    states.aspire("a", {1: "/a/1"})
    assert run(states) == [("unload", 1), ("load", 1)]


def test_a_loaded_number_with_another_path_is_not_loaded_again() -> None:
    """A version's folder is fixed when it is first wanted (behaviour item 92)."""
    states = VersionStates()
    states.aspire("m", {1: "/old/1"})
    assert states.step() == Action("load", "m", 1, "/old/1")
    states.loaded(Action("load", "m", 1, "/old/1"))
    states.aspire("m", {1: "/new/1"})
    assert states.step() is None


def test_a_version_no_longer_wanted_is_not_worth_a_retry() -> None:
    """A load under way is wanted until another list is taken in."""
    states = VersionStates()
    aspire(states, 1)
    action = states.step()
    assert action is not None
    assert states.is_wanted(action)
    aspire(states, 2)
    states.step()
    assert not states.is_wanted(action)


def test_changes_are_handed_out_once_and_in_order() -> None:
    """Each change is published once: START, LOADING, AVAILABLE."""
    states = VersionStates()
    aspire(states, 1)
    run(states)
    assert [change.state for change in states.changes()] == ["START", "LOADING", "AVAILABLE"]
    assert list(states.changes()) == []


class AnyCourse(RuleBasedStateMachine):
    """Lists, loads that fail or not, and unloads in any order."""

    def __init__(self) -> None:
        """Start without versions."""
        super().__init__()
        self.states = VersionStates()
        self.under_way: list[Action] = []
        self.ready: set[int] = set()
        self.lost: list[int] = []
        self.wanted: set[int] = set()

    @rule(versions=st.sets(st.integers(1, 5), max_size=3))
    def aspire(self, versions: set[int]) -> None:
        """Ask for other versions."""
        self.wanted = versions
        aspire(self.states, *versions)

    @rule()
    def step(self) -> None:
        """Begin what is to be done next."""
        action = self.states.step()
        if action is None:
            return
        if action.kind == "unload":
            assert action.version in self.ready, "only ready versions are unloaded"
            self.ready.discard(action.version)
        self.under_way.append(action)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), works=st.booleans())
    def finish(self, data: st.DataObject, works: bool) -> None:  # noqa: FBT001 - hypothesis fills it in
        """End something under way, a load well or badly."""
        action = data.draw(st.sampled_from(self.under_way))
        self.under_way.remove(action)
        self._report(action, works=works)

    def _report(self, action: Action, *, works: bool) -> None:
        if action.kind == "unload":
            self.states.unloaded(action)
        elif works:
            self.ready.add(action.version)
            self.states.loaded(action)
        else:
            self.states.failed(action, _BROKEN)

    @invariant()
    def nothing_is_begun_twice(self) -> None:
        """No version has two actions under way."""
        versions = [action.version for action in self.under_way]
        assert len(versions) == len(set(versions))

    @invariant()
    def ready_versions_are_shown_available(self) -> None:
        """What is ready is AVAILABLE, and nothing else is."""
        shown = {n for n, change in self.states.history.get("m", {}).items() if change.state == "AVAILABLE"}
        assert shown == self.ready

    def teardown(self) -> None:
        """Once everything works and nothing new is asked for, it comes to rest."""
        for _ in range(100):
            while self.under_way:
                self._report(self.under_way.pop(), works=True)
            action = self.states.step()
            if action is None:
                return
            if action.kind == "unload":
                self.ready.discard(action.version)
            self.under_way.append(action)
        raise AssertionError("the machine does not come to rest")


TestAnyCourse = AnyCourse.TestCase
