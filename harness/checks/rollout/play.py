"""Play: one rollout from its first step to its last on a server of its own, with requests flowing all the while."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.checks.rollout.calls import GONE
from harness.checks.rollout.crew import Crew
from harness.checks.rollout.judge import Timeline
from harness.checks.rollout.place import NEW, OLD, Place
from harness.checks.rollout.scene import Scene
from harness.checks.rollout.steps import steps_of
from harness.checks.rollout.traffic import Traffic
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.checks.rollout.calls import Ask, Call
    from harness.checks.rollout.steps import Step, Told
    from harness.checks.rollout.traffic import Question
    from harness.checks.subject import Subject
    from harness.stage import Stage

__all__ = ["SLOWEST_S", "Act", "Play", "perform"]

SLOWEST_S = 1.0
"""How long a request may take for a rollout to be played: each is asked some dozens of times, one after the other."""

# A new version must be noticed, and a broken one given up, in seconds, whatever the user's own flags say.
_ARGS = ("--file_system_poll_wait_seconds=1", "--max_num_load_retries=0")


@dataclass(frozen=True, kw_only=True)
class Act:
    """One step as it was played.

    Attributes:
        step: the step.
        began_ns: when it began; its requests are those until the next one begins.
        took_ns: how long it took.
        told: what it had to tell; None if it did not come to its end.
        error: why it did not; empty if it did.
    """

    step: Step
    began_ns: int
    took_ns: int
    told: Told | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Play:
    """A rollout that is over.

    Attributes:
        acts: what was played, in order; only the last may not have come to its end.
        not_played: the steps after that one.
        calls: what all clients got.
        timelines: what each question had to bring.
        clients: the clients' names.
        question: what they sent.
        why_no_rest: why no client asked over REST; empty if some did.
        by_files: whether versions were moved; else configs were reloaded only.
    """

    acts: Sequence[Act]
    not_played: Sequence[Step]
    calls: Sequence[Call]
    timelines: Mapping[Ask, Timeline]
    clients: Sequence[str]
    question: Question
    why_no_rest: str
    by_files: bool


def perform(subject: Subject, stage: Stage, version_dir: Path) -> Play | None:
    """Roll out copies of a version; None if its requests take so long that it would take minutes.

    Raises:
        CheckError: no request is answered, so that none could flow; or the copies cannot be written.
        ServerError: the server did not become ready.
    """
    with stage.folder() as folder, ExitStack() as stack:
        place = Place.make(folder, name=subject.model, source=version_dir, by_files=stage.sees_new_files)
        server = stack.enter_context(stage.server(place.first_config, place.config_beside, args=_ARGS))
        crew = Crew(server=server, place=place, stack=stack)
        admins = crew.grpc()
        question, why_no_rest = crew.choose(subject)
        if question.took_s > SLOWEST_S:
            return None
        traffic = Traffic(lanes=crew.lanes(with_rest=not why_no_rest), question=question)
        scene = Scene(
            place=place,
            server=server,
            admin=admins[place.name],
            admin_beside=admins[place.name_beside],
            traffic=traffic,
            limit_s=stage.spec.ready_timeout_s,
            config=place.first_config,
        )
        with traffic:
            scene.settle()
            acts, not_played = _play_steps(scene)
    return Play(
        acts=acts,
        not_played=not_played,
        calls=tuple(traffic.calls),
        timelines=scene.timelines,
        clients=tuple(lane.name for lane in traffic.lanes),
        question=question,
        why_no_rest=why_no_rest,
        by_files=place.by_files,
    )


def _play_steps(scene: Scene) -> tuple[list[Act], Sequence[Step]]:
    scene.timelines |= {
        scene.latest: Timeline(first=OLD),
        scene.version(OLD): Timeline(first=OLD),
        scene.version(NEW): Timeline(first=GONE),
        scene.beside: Timeline(first=OLD),
    }
    acts: list[Act] = []
    steps = steps_of(scene.place)
    for step in steps:
        act = _act(scene, step)
        acts.append(act)
        if act.told is None:
            break
    return acts, steps[len(acts) :]


def _act(scene: Scene, step: Step) -> Act:
    told, error = None, ""
    began_ns = time.perf_counter_ns()
    try:
        told = step.act(scene)
        scene.settle()
    except HarnessError as exc:
        error = str(exc)
    return Act(step=step, began_ns=began_ns, took_ns=time.perf_counter_ns() - began_ns, told=told, error=error)
