"""The recorded exchanges: files, areas, scenarios, steps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["AREAS", "CORPUS", "MODELS", "Scenario", "Step", "load"]

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
MODELS = CORPUS / "models"
AREAS = tuple(sorted(path.stem for path in CORPUS.glob("*.json")))


@dataclass(frozen=True)
class Step:
    """One exchange, or one action between exchanges.

    Attributes:
        id: its name, unique in the corpus.
        transport: rest, grpc, fs, wait, process or parallel.
        request: what to send or do.
        match: the rule of comparison; None for a step that only acts.
        response: what the genuine server answered.
    """

    id: str
    transport: str
    request: dict[str, Any]
    match: str | None
    response: dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """One server process and the steps played against it.

    Attributes:
        area: the file it comes from.
        name: its name, unique in the corpus.
        server: flags, files and models of the server.
        steps: what is played, in order.
        timeout_s: how long the server may take to become ready, seconds.
    """

    area: str
    name: str
    server: dict[str, Any]
    steps: tuple[Step, ...]
    timeout_s: float


def load(areas: tuple[str, ...] = AREAS) -> list[Scenario]:
    """Read the scenarios of some areas."""
    return [
        _scenario(area, entry)
        for area in areas
        for entry in json.loads((CORPUS / f"{area}.json").read_text(encoding="utf-8"))
    ]


def _scenario(area: str, entry: dict[str, Any]) -> Scenario:
    steps = tuple(step_from(step) for step in entry["steps"])
    return Scenario(area, entry["name"], entry["server"], steps, float(entry["timeout"]))


def step_from(entry: dict[str, Any]) -> Step:
    """Read one step as it stands in a file."""
    return Step(entry["id"], entry["transport"], entry["request"], entry.get("match"), entry.get("response", {}))
