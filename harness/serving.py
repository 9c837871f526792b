"""serve: from a path that a user has to a running server, in one call."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.model_config import ModelConfig
from harness.option_values import check_name
from harness.savedmodel import as_base_path, is_bare, preflight, preflight_bare
from harness.scratch import scratch_directory
from harness.servers import ServerSpec, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.servers import BackendChoice, Server

__all__ = ["prepared_models", "serve"]


@contextmanager
def serve(
    model: str | Path | Mapping[str, str | Path],
    *,
    name: str | None = None,
    choice: BackendChoice | None = None,
    tags: tuple[str, ...] = ("serve",),
    **spec: Any,
) -> Iterator[Server]:
    """Serve SavedModels until the block ends; ready when the block begins.

    Args:
        model: a base path (``build/digits`` with ``build/digits/1/saved_model.pb``) or a bare SavedModel directory; for
            several models, paths by name.
        name: the servable's name; None takes the path's last component.
        choice: the backend, if it was chosen before.
        tags: the tag set of the SavedModels; others than ``serve`` are passed to the server.
        **spec: fields of ServerSpec, e.g. ``backend="standin"``, ``args=("--enable_batching",)``.

    Raises:
        LayoutError: the path cannot be served; said before a server is started.
        ServerError: the server did not become ready.
        UsageError: a name for several models, or one that no request could carry.
    """
    paths = _by_name(model, name)
    staging = scratch_directory()
    try:
        models = prepared_models(paths, staging=staging, tags=tags)
        if tags != ("serve",):
            spec["args"] = (f"--saved_model_tags={','.join(tags)}", *spec.get("args", ()))
        with start(ServerSpec(models=models, **spec), choice) as server:
            yield server
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def prepared_models(
    paths: Mapping[str, Path], *, staging: Path, tags: tuple[str, ...] = ("serve",)
) -> tuple[ModelConfig, ...]:
    """Return model configs of paths by name; each path is looked over first, bare SavedModels are staged.

    Raises:
        LayoutError: a path that no server could serve.
    """
    models = []
    for name, path in paths.items():
        if is_bare(path):  # looked over where it lies, so that messages name the user's own files
            preflight_bare(path, tags=tags)
            base_path = as_base_path(path, into=staging, name=name)
        else:
            base_path = path.absolute()
            preflight(base_path, tags=tags)
        models.append(ModelConfig(name=name, base_path=str(base_path.absolute())))
    return tuple(models)


def _by_name(model: str | Path | Mapping[str, str | Path], name: str | None) -> dict[str, Path]:
    if isinstance(model, str | Path):
        path = Path(os.path.abspath(model))  # noqa: PTH100 - `..` at its end names the folder it leads to
        return {check_name(path.name if name is None else name): path}
    if name is not None:
        raise UsageError(f"name={name!r} goes with one path; several models are given by name already")
    return {check_name(key): Path(value) for key, value in model.items()}
