"""The source of versions: it looks into each model's base path and says which versions should be served.

A version is a direct child whose name reads as a 64-bit integer; the model's version policy picks among them
(behaviour items 83 to 86, 90). One base path that is missing spoils the look at all models (item 17).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.standin import log
from harness.standin.status import StatusError
from harness.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["aspired_versions", "poll"]

_SOURCE = "source.py"


def poll(models: Iterable[Any]) -> dict[str, dict[int, str]]:
    """Look into the base paths of ModelConfig protos: for each model the wanted versions and their folders.

    Raises:
        StatusError: a base path is missing or unreadable; nothing is said about any model then.
    """
    return {model.name: _poll_model(model) for model in models}


def _poll_model(model: Any) -> dict[int, str]:
    base_path = model.base_path
    if not os.path.exists(base_path):  # noqa: PTH110 - Path.exists() raises for a folder it may not look into
        text = (
            f"Could not find base path {base_path} for servable {model.name} with error NOT_FOUND: "
            f"{base_path} not found"
        )
        raise StatusError("INVALID_ARGUMENT", text)
    try:
        names = sorted(child.name for child in Path(base_path).iterdir())
    except OSError as fault:
        raise StatusError("INTERNAL", f"{base_path}; {fault.strerror}") from None
    versions = aspired_versions(model, names)
    if not versions:
        text = (
            f"No versions of servable {model.name} found under base path {base_path}. "
            "Did you forget to name your leaf directory as a number (eg. '/1/')?"
        )
        log.warning(_SOURCE, text)
    return {number: str(Path(base_path) / name) for number, name in versions.items()}


def aspired_versions(model: Any, names: Iterable[str]) -> dict[int, str]:
    """Pick the wanted versions among a base path's children (in sorted order): number to child."""
    children = _numbered(names)
    policy = model.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return children
    if choice == "specific":
        return _specific(model.name, set(policy.specific.versions), children)
    wanted = max(policy.latest.num_versions, 1)
    return {number: children[number] for number in sorted(children, reverse=True)[:wanted]}


def _numbered(names: Iterable[str]) -> dict[int, str]:
    children: dict[int, str] = {}
    for name in names:
        number = parse_version(name)
        if number is None:
            continue
        if number in children:
            text = (
                f"Duplicate version directories detected. Version {number} will be loaded from {name}, "
                f"{children[number]} will be ignored."
            )
            log.warning(_SOURCE, text)
        children[number] = name
    return children


def _specific(model: str, wanted: set[int], children: dict[int, str]) -> dict[int, str]:
    if not wanted:
        log.warning(_SOURCE, f"No specific versions requested for servable {model}.")
    for number in sorted(wanted - children.keys()):
        text = (
            f"Version {number} of servable {model}, which was requested to be served as a 'specific' version "
            "in the servable's version policy, was not found in the file system"
        )
        log.warning(_SOURCE, text)
    return {number: name for number, name in children.items() if number in wanted}
