"""The steps of a rollout: what is done to the server, what it has to say to it, and what is told of it.

A step changes the server while requests flow, waits until the server says that the change is carried out, and writes
down what each question has to bring from then on. The requests themselves are judged afterwards, all at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from harness.checks.rollout.calls import GONE, Ask
from harness.checks.rollout.place import DAMAGED, NEW, OLD, UNLOADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.checks.rollout.place import Place
    from harness.checks.rollout.scene import Look, Scene

__all__ = ["Step", "Told", "steps_of"]

_LABEL = "stable"
_MILLISECONDS_BELOW_NS = 100_000_000
_LONGEST_ERROR = 160
_FLAW = {UNLOADABLE: "with an unknown op", DAMAGED: "with a damaged saved_model.pb"}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a step has to tell when it is over.

    Attributes:
        good: what happened.
        problem: what is wrong with the server's own account of it; empty if nothing is.
    """

    good: str
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        title: what happens.
        tried: how it is brought about.
        expected: what has to come of it, for the requests.
        act: does it.
    """

    title: str
    tried: str
    expected: str
    act: Callable[[Scene], Told]


def steps_of(place: Place) -> tuple[Step, ...]:
    """Return the steps in their order; those of broken versions for the ones that could be made."""
    broken = tuple(
        Step(
            title=f"a new version {_FLAW[version]}",
            tried=_brought(place, version),
            expected="its load fails, its status says why, and the version before it goes on answering",
            act=partial(_break, version=version),
        )
        for version in place.broken
    )
    appear = Step(
        title="a new version appears",
        tried=_brought(place, NEW),
        expected="it is loaded before the old one goes: no request fails, and none goes back to the old one",
        act=_appear,
    )
    roll_back = Step(
        title="roll back",
        tried="remove the newer directories from the base path" if place.by_files else f"reload with version {OLD}",
        expected="the old version is loaded before the newer one goes: no request fails, and none goes forward again",
        act=_roll_back,
    )
    return (appear, *broken, roll_back, *_OF_CONFIG)


def _brought(place: Place, version: int) -> str:
    if place.by_files:
        return f"rename the directory of version {version} into the base path"
    return f"reload the config with version {version}"


def _appear(scene: Scene) -> Told:
    began_ns = scene.want(NEW)
    looks = scene.wait(f"version {NEW} is served and version {OLD} is gone", _only(NEW, gone=OLD), loads=(NEW,))
    scene.change(began_ns, looks[-1].at_ns, {scene.latest: NEW, scene.version(OLD): GONE, scene.version(NEW): NEW})
    return Told(good=_switch_text(scene, began_ns, NEW, looks))


def _break(scene: Scene, *, version: int) -> Told:
    before = scene.look()
    scene.want(version)
    looks = scene.wait(f"version {version} fails to load", partial(_is_decided, version=version))
    scene.settle()
    status, after = looks[-1].versions[version], scene.look()
    first_line = status.error_message.partition("\n")[0]
    shown = first_line if len(first_line) <= _LONGEST_ERROR else f"{first_line[:_LONGEST_ERROR]}..."
    good = f"version {version} ended with {status.error_code}: {shown}"
    if status.is_available:
        return Told(good="", problem=f"version {version} became AVAILABLE, though no server can load it")
    if not status.error_message:
        return Told(good="", problem=f"version {version} ended, but its status shows no error: {status}")
    if not after.serves(*(number for number, one in before.versions.items() if one.is_available)):
        return Told(good="", problem=f"{good}; and then the former version was not served any more: {after}")
    return Told(good=f"{good}; version {NEW} went on answering")


def _roll_back(scene: Scene) -> Told:
    began_ns = scene.want(OLD)
    looks = scene.wait(f"version {OLD} is served and version {NEW} is gone", _only(OLD, gone=NEW), loads=(OLD,))
    scene.change(began_ns, looks[-1].at_ns, {scene.latest: OLD, scene.version(OLD): OLD, scene.version(NEW): GONE})
    return Told(good=_switch_text(scene, began_ns, OLD, looks))


def _side_by_side(scene: Scene) -> Told:
    began_ns = scene.reload(scene.place.config(OLD, NEW))
    scene.place.show(NEW)
    looks = scene.wait(f"versions {OLD} and {NEW} are served", lambda look: look.serves(OLD, NEW), loads=(OLD, NEW))
    scene.change(began_ns, looks[-1].at_ns, {scene.latest: NEW, scene.version(NEW): NEW})
    return Told(good=f"version {NEW} was there {_seconds(looks[-1].at_ns - began_ns)} after the reload")


def _move_label(scene: Scene) -> Told:
    label = Ask(model=scene.place.name, label=_LABEL)
    scene.reload(scene.place.config(OLD, NEW, labels={_LABEL: OLD}))
    scene.ask_also(label, OLD)
    scene.settle()
    took_ns = []
    for version in (NEW, OLD):
        began_ns = scene.reload(scene.place.config(OLD, NEW, labels={_LABEL: version}))
        done_ns = time.perf_counter_ns()
        scene.change(began_ns, done_ns, {label: version})
        scene.settle()
        took_ns.append(done_ns - began_ns)
    return Told(good=f"label {_LABEL!r} was moved in {_seconds(took_ns[0])}, and back in {_seconds(took_ns[1])}")


def _reload_same(scene: Scene) -> Told:
    before = scene.look()
    scene.reload(scene.config)
    scene.settle()
    after = scene.look()
    problem = "" if str(before) == str(after) else f"the versions changed: {before} before, {after} afterwards"
    return Told(good="the versions stayed as they were", problem=problem)


def _remove_beside(scene: Scene) -> Told:
    began_ns = scene.reload(scene.config, without_beside=True)
    looks = scene.wait(f"{scene.place.name_beside} is gone", lambda look: look.is_over(OLD), beside=True)
    scene.change(began_ns, looks[-1].at_ns, {scene.beside: GONE})
    return Told(good=f"it was gone {_seconds(looks[-1].at_ns - began_ns)} after the reload")


_OF_CONFIG = (
    Step(
        title="two versions side by side",
        tried="reload the config with policy specific and both versions",
        expected="both answer those who ask for them, and the newer one those who ask for the latest",
        act=_side_by_side,
    ),
    Step(
        title="a label moves to the new version and back",
        tried="reload the config with the label on the other version",
        expected="who asks for the label is answered by the version it is on",
        act=_move_label,
    ),
    Step(
        title="a reload that changes nothing",
        tried="reload the config that is in force",
        expected="no version is loaded or unloaded, and no request notices",
        act=_reload_same,
    ),
    Step(
        title="a model is removed from the config",
        tried="reload the config without the model beside this one",
        expected="requests for it are answered until then, and NOT_FOUND afterwards; this model goes on answering",
        act=_remove_beside,
    ),
)


def _only(version: int, *, gone: int) -> Callable[[Look], bool]:
    return lambda look: look.serves(version) and look.is_over(gone)


def _is_decided(look: Look, *, version: int) -> bool:
    """Whether a load has come to its end, good or bad."""
    status = look.versions.get(version)
    return status is not None and status.state in {"AVAILABLE", "END"}


def _switch_text(scene: Scene, began_ns: int, version: int, looks: Sequence[Look]) -> str:
    """Tell how long a switch took, and how long both versions were there."""
    scene.settle()
    answered_ns = [
        call.ended_ns
        for call in scene.traffic.calls
        if call.ask == scene.latest and call.began_ns >= began_ns and call.version == version
    ]
    first = _seconds(min(answered_ns) - began_ns) if answered_ns else "never"
    return f"version {version} answered {first} {_since(scene, version)}; {_overlap_text(looks)}"


def _since(scene: Scene, version: int) -> str:
    if not scene.place.by_files:
        return "after the reload"
    return "after its directory was renamed into place" if version == NEW else "after the newer directories were gone"


def _overlap_text(looks: Sequence[Look]) -> str:
    """Tell how long both versions were available, as far as the looks tell."""
    both = [look.serves(OLD, NEW) for look in looks]
    if True not in both:
        return "both versions were available for less than a look at the status takes"
    first = both.index(True)
    return f"both versions were available for {_seconds(looks[both.index(False, first)].at_ns - looks[first].at_ns)}"


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:.2f} s" if nanoseconds >= _MILLISECONDS_BELOW_NS else f"{nanoseconds / 1e6:.1f} ms"
