"""Provenance: under which conditions an answer was given, so that a later one can be judged fairly."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.servers.engine import engine_address
from harness.servers.library import tensorflow_version
from harness.servers.transfer import engine_sees_our_files
from harness.surroundings import cpu_features, machine, tool_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.prediction import VersionStatus
    from harness.servers import Server

__all__ = ["change_of_conditions", "onednn_environment", "provenance_of"]

_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
# What may change an answer, in the order in which it is told.
_CONDITIONS = ("model_version", "tensorflow", "backend", "image", "cpu", "cpu_features", "onednn")


def provenance_of(server: Server, statuses: Iterable[VersionStatus]) -> dict[str, str]:
    """Return what answers: backend, model version, TensorFlow, image with digest, processor, oneDNN flag, harness.

    What cannot be known is left out: of a running server that was not started here, and of the processor of a Docker
    engine on another machine.

    Args:
        server: a ready server.
        statuses: of the model's versions.
    """
    available = [status.version for status in statuses if status.is_available]
    known = {
        "backend": server.backend.name,
        "harness": tool_versions()["harness"],
        "image": server.engine.image,
        "model_version": str(max(available)) if available else None,
        "tensorflow": tensorflow_version(server),
        **(_processor(server) if _is_here(server) else {}),
    }
    return {name: value for name, value in known.items() if value}


def _is_here(server: Server) -> bool:
    name = server.backend.name
    return name in {"binary", "standin"} or (name == "container" and engine_sees_our_files(engine_address()))


def _processor(server: Server) -> dict[str, str]:
    flag = server.spec.environment.get(_ONEDNN, _inherited_flag(server.backend.name))
    return {
        "cpu": machine().cpu_model,
        "cpu_features": " ".join(cpu_features()),
        "onednn": f"{_ONEDNN}={flag}" if flag else f"{_ONEDNN} is not set",
    }


def _inherited_flag(backend: str) -> str:
    """Return the flag that a server has without being given one."""
    if backend == "container":
        return ""
    return os.environ.get(_ONEDNN, "1" if backend == "standin" else "")  # the stand-in has it on unless told otherwise


def onednn_environment(provenance: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variable that lets TensorFlow use oneDNN as a server does; nothing if the server's is not known."""
    return {_ONEDNN: provenance["onednn"].partition("=")[2] or None} if "onednn" in provenance else {}


def change_of_conditions(recorded: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return what has changed since an answer was recorded, as the beginning of a sentence; empty if nothing has.

    Args:
        recorded: the provenance of the answer; what it does not hold is not compared.
        now: that of the server that answers now.
    """
    changed = [
        f"{name} {recorded[name]}, now {now[name]}"
        for name in _CONDITIONS
        if recorded.get(name) and now.get(name) and recorded[name] != now[name]
    ]
    return f"recorded under other conditions ({'; '.join(changed)}): " if changed else ""
