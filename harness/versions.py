"""Which versions a base path offers: the directory names that TensorFlow Serving takes for version numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model_config import ModelConfig

__all__ = ["version_directories", "version_number", "wanted_versions"]

_INT64_MAX = 2**63 - 1
_NUMBER = re.compile(r"[+-]?[0-9]+\Z")


def version_number(directory_name: str) -> int | None:
    """Return the version a directory name stands for, or None if it stands for none.

    As tensorflow_model_server reads it (behaviour item 83): ``00123`` is 123, surrounding spaces are dropped, ``v1``,
    ``1.0``, ``1_tmp`` and numbers over int64 are no versions; negative numbers are not either.
    """
    text = directory_name.strip(" \t\n\r\f\v")
    if not _NUMBER.match(text):
        return None
    number = int(text)
    return number if 0 <= number <= _INT64_MAX else None


def version_directories(base_path: Path) -> dict[int, Path]:
    """Return the version directories under a base path by number, in rising order.

    Where two names stand for one number, the last in sort order wins (behaviour item 83).

    Raises:
        OSError: the base path cannot be listed.
    """
    found: dict[int, Path] = {}
    for child in sorted(base_path.iterdir()):
        number = version_number(child.name)
        if number is not None:
            found[number] = child
    return dict(sorted(found.items()))


def wanted_versions(model: ModelConfig, on_disk: list[int]) -> tuple[int, ...]:
    """Return the versions that a server with this policy will load, in rising order (behaviour items 84, 85)."""
    if model.policy == "specific":
        return tuple(sorted(model.versions))
    if model.policy == "all":
        return tuple(sorted(on_disk))
    return tuple(sorted(on_disk)[-model.num_versions :])
