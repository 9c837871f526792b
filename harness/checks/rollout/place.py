"""Place: the versions that are rolled out, and how a server is brought to want one of them.

By files, as most teams do it: a version's directory is renamed into the base path, and out of it again. Or by config,
where the server sees no new files (models copied into a container): all versions are there from the start, and the
reload RPC names the one that is wanted.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.checks.rollout.broken import damage, name_unknown_op
from harness.errors import CheckError
from harness.model_config import ModelConfig
from harness.savedmodel import publish_copy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DAMAGED", "NEW", "OLD", "UNLOADABLE", "Place"]

OLD, NEW, UNLOADABLE, DAMAGED = 1, 2, 3, 4


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder with two base paths, of the model that is rolled out and of one beside it, and a store of versions.

    Attributes:
        folder: where all lies; one file system, so that a version appears all at once.
        name: the model's name.
        by_files: whether versions are moved; else all are in the base path at once.
        broken: the broken versions there are, of ``UNLOADABLE`` and ``DAMAGED``.
    """

    folder: Path
    name: str
    by_files: bool
    broken: tuple[int, ...]

    @classmethod
    def make(cls, folder: Path, *, name: str, source: Path, by_files: bool) -> Place:
        """Copy a version there, as four versions: two good ones, and two that no server can load.

        Raises:
            CheckError: the copies cannot be written.
        """
        place = cls(folder=folder, name=name, by_files=by_files, broken=())
        later = place.store if by_files else place.base_path
        try:
            first = publish_copy(source, place.base_path, version=OLD)
            publish_copy(first, place.base_path_beside, version=OLD)
            publish_copy(first, later, version=NEW)
            damage(publish_copy(first, later, version=DAMAGED))
            unloadable = publish_copy(first, later, version=UNLOADABLE)
        except (OSError, shutil.Error) as exc:
            raise CheckError(
                f"{source} cannot be copied to {folder}: {exc}; set TMPDIR to a directory with room for the model"
            ) from exc
        is_broken = name_unknown_op(unloadable)
        return cls(
            folder=folder, name=name, by_files=by_files, broken=(UNLOADABLE, DAMAGED) if is_broken else (DAMAGED,)
        )

    @property
    def base_path(self) -> Path:
        """The base path of the model that is rolled out."""
        return self.folder / self.name

    @property
    def name_beside(self) -> str:
        """The name of the other model."""
        return f"{self.name}_beside"

    @property
    def base_path_beside(self) -> Path:
        """The base path of the other model."""
        return self.folder / self.name_beside

    @property
    def store(self) -> Path:
        """Where versions wait until they are shown."""
        return self.folder / "store" / self.name

    def config(self, *versions: int, labels: dict[str, int] | None = None) -> ModelConfig:
        """Return the model's config with these versions; with the default policy if none is given."""
        if not versions:
            return ModelConfig(name=self.name, base_path=str(self.base_path), labels=labels or {})
        return ModelConfig(
            name=self.name, base_path=str(self.base_path), policy="specific", versions=versions, labels=labels or {}
        )

    @property
    def config_beside(self) -> ModelConfig:
        """The other model's config."""
        return ModelConfig(name=self.name_beside, base_path=str(self.base_path_beside))

    @property
    def first_config(self) -> ModelConfig:
        """The model's config at the start: the old version is wanted."""
        return self.config() if self.by_files else self.config(OLD)

    def show(self, version: int) -> None:
        """Have a version in the base path."""
        if self.by_files and not (self.base_path / str(version)).exists():
            (self.store / str(version)).rename(self.base_path / str(version))

    def hide_above(self, version: int) -> None:
        """Have no higher version in the base path."""
        for number in (NEW, UNLOADABLE, DAMAGED):
            path = self.base_path / str(number)
            if self.by_files and number > version and path.exists():
                path.rename(self.store / str(number))
