"""Contender: one side of a gate: what is served, from which files, with which image, binary or flags."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.option_values import check_name
from harness.savedmodel import publish_copy
from harness.savedmodel.proto import saved_model_file
from harness.scratch import scratch_directory
from harness.servers import ServerSpec, choose_backend, start
from harness.serving import prepared_models
from harness.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.servers import BackendChoice, Server

__all__ = ["Contender", "Prepared", "default_name", "prepared"]


@dataclass(frozen=True, kw_only=True)
class Contender:
    """What one side is made of.

    Attributes:
        path: base path, bare SavedModel, or the directory of one version, of which no other is served then.
        name: the servable's name; the same for both sides.
        args: flags of its server.
        image: container image, None for the default.
        binary: path of tensorflow_model_server, None for the one on PATH.
        environment: variables of its server.
        tags: of the SavedModel.
    """

    path: Path
    name: str
    args: tuple[str, ...] = ()
    image: str | None = None
    binary: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ("serve",)

    @property
    def label(self) -> str:
        """What it is, for people: the path, and whatever sets it apart."""
        extras = [each for each in (self.image, self.binary, *self.args) if each]
        return " ".join([str(self.path), *extras])


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A contender that can be started again and again."""

    contender: Contender
    spec: ServerSpec
    choice: BackendChoice

    def start(self) -> tuple[Server, float]:
        """Start its server; return it, and the seconds it took to become ready.

        Raises:
            ServerError: it did not become ready.
        """
        began = time.monotonic()
        server = start(self.spec, self.choice)
        return server, time.monotonic() - began


def default_name(path: Path) -> str:
    """Return the servable's name if none is given: the folder's, or of a version's folder its parent's."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - `..` at its end names the folder it leads to
    return check_name(absolute.parent.name if absolute.name.isdigit() else absolute.name)


@contextmanager
def prepared(baseline: Contender, candidate: Contender, **options: Any) -> Iterator[tuple[Prepared, Prepared]]:
    """Look over both sides' files and choose the backend; yields both until the block ends.

    Args:
        baseline: the measure.
        candidate: what is measured against it.
        **options: fields of ServerSpec that both share, e.g. ``backend="container"``.

    Raises:
        LayoutError: a path that no server could serve.
        BackendUnavailableError: the backend asked for cannot run here.
        UsageError: the two sides would run on different backends: their numbers could not be compared.
    """
    staging = scratch_directory()
    try:
        sides = [_prepare(each, staging / side, options) for side, each in (("a", baseline), ("b", candidate))]
        names = {side.choice.name for side in sides}
        if len(names) > 1:
            raise UsageError(
                f"the baseline would run on backend {sides[0].choice.name}, the candidate on {sides[1].choice.name}:"
                " their numbers cannot be compared; ask for one with --backend"
            )
        yield sides[0], sides[1]
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _one_version(contender: Contender, staging: Path) -> Path:
    """Return the path to serve: of a version's own directory a base path with that version alone."""
    path = Path(os.path.abspath(contender.path))  # noqa: PTH100 - `..` at its end names the folder it leads to
    version = parse_version(path.name)
    if version is None or saved_model_file(path) is None:
        return path
    base_path = staging / "one version" / contender.name
    publish_copy(path, base_path, version=version)
    return base_path


def _prepare(contender: Contender, staging: Path, options: Mapping[str, Any]) -> Prepared:
    staging.mkdir()
    path = _one_version(contender, staging)
    models = prepared_models({contender.name: path}, staging=staging, tags=contender.tags)
    spec = ServerSpec(models=models, image=contender.image, binary=contender.binary, **options)
    tags = () if contender.tags == ("serve",) else (f"--saved_model_tags={','.join(contender.tags)}",)
    spec = replace(
        spec,
        args=(*tags, *spec.args, *contender.args),
        environment={**spec.environment, **contender.environment},
    )
    return Prepared(contender=contender, spec=spec, choice=choose_backend(spec))
