"""Files that checks compare with if a user has them, though nobody named them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["existing"]


def existing(path: Path) -> Path | None:
    """Return a default path made absolute, None if nothing is there."""
    return path.absolute() if path.exists() else None
