"""Plays a scenario: lays out its folder, starts the server, takes the steps, compares the answers."""

from __future__ import annotations

import base64
import shutil
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.protos import get_model_status_pb2
from replay import files, rest
from replay.compare import difference
from replay.corpus import step_from
from replay.place import Place, free_port
from replay.processes import listening
from replay.rpc import Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replay.certificates import Certificates
    from replay.corpus import Scenario, Step
    from replay.processes import Launcher, ServerProcess

__all__ = ["Result", "play"]

_PAUSE_S = 0.03
_STATES = {value.number: value.name for value in get_model_status_pb2.ModelVersionStatus.State.DESCRIPTOR.values}


@dataclass(frozen=True)
class Result:
    """How one compared exchange went; ``difference`` is None if the answer was as recorded."""

    area: str
    step: str
    difference: str | None


@dataclass(frozen=True)
class _Stage:
    """A running server, and what is needed to talk to it."""

    place: Place
    process: ServerProcess
    caller: Caller


def play(scenario: Scenario, launcher: Launcher, certificates: Certificates) -> list[Result]:
    """Play a scenario and compare; leaves no process and no file behind."""
    with ExitStack() as stack:
        work = Path(tempfile.mkdtemp(prefix="conformance-")).resolve()
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        place = Place(work / "work", free_port(), free_port(), launcher.program, certificates)
        files.prepare(place, scenario.server)
        if scenario.server.get("occupy") == "rest":
            stack.enter_context(_occupied(place.rest_port))
        process = launcher.start(place.fill(scenario.server["flags"]), work)
        stack.callback(process.kill)
        caller = Caller(place)
        stack.callback(caller.close)
        stage = _Stage(place, process, caller)
        failure = _await_ready(scenario, stage)
        if failure:
            return _failed(scenario, failure)
        return [Result(scenario.area, step.id, _try(step, stage)) for step in scenario.steps if _acts(step, stage)]


def _failed(scenario: Scenario, failure: str) -> list[Result]:
    """Every compared step failed for one reason, which is told once."""
    compared = [step for step in scenario.steps if step.match is not None]
    texts = [failure] + ["the server did not become ready"] * (len(compared) - 1)
    return [Result(scenario.area, step.id, text) for step, text in zip(compared, texts, strict=True)]


@contextmanager
def _occupied(port: int) -> Iterator[None]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield


def _acts(step: Step, stage: _Stage) -> bool:
    """Whether a step is compared; one that only acts is carried out here."""
    if step.match is None:
        _TRANSPORTS[step.transport](stage, step.request)
    return step.match is not None


def _try(step: Step, stage: _Stage) -> str | None:
    try:
        answer = _TRANSPORTS[step.transport](stage, step.request)
        if step.transport == "parallel":
            answer = {"pairs": _pairs(step, answer["answers"])}
        return difference(step, answer, stage.place)
    except OSError as fault:
        return f"no answer: {fault!r}"


def _pairs(step: Step, answers: list[Any]) -> list[tuple[Step, Any]]:
    inner = [step_from(entry) for entry in step.request["steps"]]
    recorded = step.response["answers"]
    return [(replace(one, response=was), answer) for one, was, answer in zip(inner, recorded, answers, strict=True)]


def _await_ready(scenario: Scenario, stage: _Stage) -> str | None:
    """Wait until the server's ports are open and its versions loaded; says what is wrong if that does not come."""
    ready = scenario.server.get("ready", "all")
    text = " ".join(scenario.server["flags"])
    ports = [stage.place.grpc_port] if "{grpc_port}" in text and ready != "none" else []
    if ready == "all" and "{rest_port}" in text:
        ports.append(stage.place.rest_port)
    open_ports = _until(lambda: _ended(stage) or all(map(_is_open, ports)), scenario.timeout_s)
    if ports and (_ended(stage) or not open_ports):
        tail = stage.process.err.read_text(errors="replace")[-1500:]
        return f"the server did not become ready (exit code {stage.process.exit_code()}); its log ends in:\n{tail}"
    for model, versions in scenario.server.get("loaded", {}).items():
        _wait_states(stage, {"model": model, "states": dict.fromkeys(versions, "AVAILABLE"), "timeout": 30})
    return None


def _ended(stage: _Stage) -> bool:
    return stage.process.exit_code() is not None


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_S)
    return True


def _call_rest(stage: _Stage, request: dict[str, Any]) -> dict[str, Any]:
    return rest.exchange(stage.place.rest_port, request)


def _call_grpc(stage: _Stage, request: dict[str, Any]) -> dict[str, Any]:
    return stage.caller.exchange(request)


def _change_files(stage: _Stage, request: dict[str, Any]) -> dict[str, Any]:
    files.act(stage.place, request)
    return {}


def _wait(stage: _Stage, request: dict[str, Any]) -> dict[str, Any]:
    if "seconds" in request:
        time.sleep(request["seconds"])
        return {}
    return _wait_states(stage, request)


def _wait_states(stage: _Stage, request: dict[str, Any]) -> dict[str, Any]:
    """Poll a model's status until these versions are in these states."""
    versions: list[dict[str, str]] = []

    def reached() -> bool:
        versions[:] = _versions(stage, request["model"])
        return _fits(versions, request["states"])

    if not _until(reached, request["timeout"]):
        return {"reached": False, "versions": versions}
    return {"reached": True, "versions": _settled(stage, request, versions)}


def _fits(versions: list[dict[str, str]], wanted: dict[str, str]) -> bool:
    states = {entry["version"]: entry["state"] for entry in versions}
    return all(states.get(version) == state for version, state in wanted.items())


def _settled(stage: _Stage, request: dict[str, Any], versions: list[dict[str, str]]) -> list[dict[str, str]]:
    """The versions once what follows at once has happened, too: with a new version ready, the old one goes."""
    while True:
        time.sleep(_PAUSE_S)
        later = _versions(stage, request["model"])
        if later == versions or not _fits(later, request["states"]):
            return versions
        versions = later


def _versions(stage: _Stage, model: str) -> list[dict[str, str]]:
    from grpc import StatusCode

    message = get_model_status_pb2.GetModelStatusRequest()
    message.model_spec.name = model
    encoded = base64.b64encode(message.SerializeToString()).decode()
    answer = stage.caller.exchange({"method": "GetModelStatus", "bytes": encoded})
    if answer["code"] != "OK":
        return []
    response = get_model_status_pb2.GetModelStatusResponse.FromString(answer["bytes"])
    codes = {code.value[0]: code.name for code in StatusCode}
    return [
        {
            "version": str(entry.version),
            "state": _STATES[entry.state],
            "code": codes[entry.status.error_code],
            "message": stage.place.mask(entry.status.error_message),
        }
        for entry in response.model_version_status
    ]


def _process(stage: _Stage, request: dict[str, Any]) -> dict[str, Any]:
    """Look at the process: its end, its log, or that it runs."""
    expect, timeout_s = request["expect"], request.get("timeout", 30)
    if expect == "exit":
        _until(lambda: _ended(stage), timeout_s)
        seen = {"exit_code": stage.process.exit_code(), "stdout": _stdout(stage)}
        return {**seen, "stderr_contains": _found(stage, request["stderr"])}
    if expect == "log":
        wanted = request["contains"]
        _until(lambda: _ended(stage) or _found(stage, wanted) == wanted, timeout_s)
        return {"stderr_contains": _found(stage, wanted)}
    if expect == "ready":
        ports = (stage.place.grpc_port, stage.place.rest_port)
        return {"ready": _until(lambda: all(map(_is_open, ports)), timeout_s)}
    time.sleep(request["seconds"])
    return {
        "running": not _ended(stage),
        "grpc": listening(stage.process, stage.place.grpc_port),
        "rest": listening(stage.process, stage.place.rest_port),
        "stdout": _stdout(stage),
    }


def _stdout(stage: _Stage) -> str:
    return stage.place.mask_ports(stage.process.out.read_text(encoding="utf-8", errors="replace"))


def _found(stage: _Stage, texts: list[str]) -> list[str]:
    """Which of these texts the log holds by now."""
    log = stage.process.err.read_text(encoding="utf-8", errors="surrogateescape")
    return [text for text in texts if stage.place.fill(text) in log]


def _parallel(stage: _Stage, request: dict[str, Any]) -> dict[str, Any]:
    with ThreadPoolExecutor(len(request["steps"])) as pool:
        jobs = [pool.submit(_TRANSPORTS[step["transport"]], stage, step["request"]) for step in request["steps"]]
        return {"answers": [job.result() for job in jobs]}


_TRANSPORTS: dict[str, Callable[[_Stage, dict[str, Any]], dict[str, Any]]] = {
    "rest": _call_rest,
    "grpc": _call_grpc,
    "fs": _change_files,
    "wait": _wait,
    "process": _process,
    "parallel": _parallel,
}
