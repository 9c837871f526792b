"""Pulling an image that the engine does not have, with a word on how far it has come."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from harness.errors import BackendUnavailableError
from harness.servers.images import said, unavailable_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["progress", "pull_if_missing"]

_EVERY_S = 5.0


def pull_if_missing(client: Any, image: str, platform: str | None) -> None:
    """Pull an image that the engine does not have; says so on standard error, and how far it is every few seconds.

    Raises:
        BackendUnavailableError: no registry has it, it cannot be reached or refuses, or the pull broke off.
    """
    import docker

    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        pass
    else:
        return
    repository, tag = docker.utils.parse_repository_tag(image)
    _tell(f"pulling {image} ...")
    try:
        events = client.api.pull(repository, tag=tag or "latest", stream=True, decode=True, platform=platform)
        for text in progress(events):
            _tell(f"pulling {image}: {text}")
        client.images.get(image)
    except docker.errors.APIError as exc:
        raise BackendUnavailableError(unavailable_text(image, said(exc))) from exc


def progress(events: Iterable[dict[str, Any]]) -> Iterable[str]:
    """Yield how many bytes have come of those announced, every few seconds.

    Raises:
        docker.errors.APIError: the engine gave up; it tells of that in the midst of the stream.
    """
    from docker.errors import APIError

    layers: dict[str, tuple[int, int]] = {}
    told_s = time.monotonic()
    for event in events:
        if "error" in event:
            raise APIError(event["error"], explanation=event["error"])
        detail = event.get("progressDetail") or {}
        if event.get("status") == "Downloading" and detail.get("total"):
            layers[event["id"]] = (detail["current"], detail["total"])
        if layers and time.monotonic() - told_s > _EVERY_S:
            told_s = time.monotonic()
            come, announced = (sum(column) for column in zip(*layers.values(), strict=True))
            yield f"{come / 2**20:.0f} of {announced / 2**20:.0f} MiB"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - it may take minutes; nothing else tells of it
