"""Which versions a base path offers: the names that a server takes for version numbers, and those it will load.

A server serves the direct children whose whole name is a number; anything else is ignored without a word
(behaviour item 83). That silence is why the names that were perhaps meant as versions are found here too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from harness.model_config import ModelConfig

__all__ = [
    "children_by_version",
    "look_alikes",
    "next_version",
    "parse_version",
    "version_directories",
    "wanted_versions",
]

_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)[ \t\n\v\f\r]*", re.ASCII)
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


def parse_version(name: str) -> int | None:
    """Return the version a file name stands for, None if a server ignores it.

    ``00000123`` is 123 and surrounding spaces do not matter; ``v1``, ``1.0``, ``1_tmp``, ``0x2`` and numbers beyond
    64 bits are no versions (behaviour item 83). Negative numbers are versions, too: the server reads any int64.
    """
    match = _NUMBER.fullmatch(name)
    if match is None or len(match[1]) > 4000:  # int() refuses longer texts; leading zeros make them possible
        return None
    number = int(match[1])
    return number if _INT64_MIN <= number <= _INT64_MAX else None


def children_by_version(base_path: Path) -> dict[int, tuple[str, ...]]:
    """Return the child names of each version number, both in rising order.

    Of several names for one number (``2`` and ``002``) a server loads the last (behaviour item 83). Plain files
    count: a server takes them for versions and then fails to load them.

    Raises:
        OSError: the base path cannot be listed.
    """
    found: dict[int, list[str]] = {}
    for child in sorted(entry.name for entry in base_path.iterdir()):
        version = parse_version(child)
        if version is not None:
            found.setdefault(version, []).append(child)
    return {version: tuple(found[version]) for version in sorted(found)}


def version_directories(base_path: Path) -> dict[int, Path]:
    """Return what a server loads for each version under a base path, in rising order.

    Raises:
        OSError: the base path cannot be listed.
    """
    return {version: base_path / names[-1] for version, names in children_by_version(base_path).items()}


def look_alikes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that hold a digit, and so may have been meant as versions, but are none; hidden ones aside."""
    return tuple(
        sorted(
            name
            for name in names
            if not name.startswith(".") and parse_version(name) is None and any(char.isdigit() for char in name)
        )
    )


def next_version(base_path: Path) -> int:
    """Return the number after the highest one in use under a base path, 1 if there is none or no such directory."""
    try:
        taken = children_by_version(base_path)
    except FileNotFoundError:
        return 1
    return max((*taken, 0)) + 1


def wanted_versions(model: ModelConfig, on_disk: Iterable[int]) -> tuple[int, ...]:
    """Return the versions that a server with this policy is to serve, in rising order (behaviour items 84, 85).

    Policy ``specific`` names its versions whether they are on disk or not: a server only warns of those it lacks.
    """
    if model.policy == "specific":
        return tuple(sorted(set(model.versions)))
    if model.policy == "all":
        return tuple(sorted(on_disk))
    return tuple(sorted(on_disk)[-model.num_versions :])
