"""A SavedModel without a version directory, staged so that a server can serve it.

``tf.saved_model.save(model, "my_model")`` writes my_model/saved_model.pb, but a server wants my_model/1/saved_model.pb.
"""

from __future__ import annotations

from pathlib import Path

from harness.savedmodel.copies import publish_copy
from harness.savedmodel.proto import saved_model_file
from harness.versions import children_by_version, parse_version

__all__ = ["as_base_path", "is_bare"]


def is_bare(path: str | Path) -> bool:
    """Return whether it is a directory with saved_model.pb but no version inside, and itself no numbered version."""
    path = Path(path).absolute()
    if parse_version(path.name) is not None or not path.is_dir() or saved_model_file(path) is None:
        return False
    return not children_by_version(path)


def as_base_path(path: str | Path, *, into: str | Path, name: str | None = None) -> Path:
    """Return a base path for ``path``: itself, or, for a bare SavedModel, a staged one with it as version 1.

    Args:
        path: a base path or a bare SavedModel.
        into: the directory to stage in, kept for as long as the server runs; its life is the caller's.
        name: the servable's name; None for the bare SavedModel's own.

    Returns:
        ``path`` made absolute, or ``<into>/<name>`` with ``1/`` in it. Whether it can be served is for ``preflight``.

    Raises:
        ExportError: ``into`` cannot be written, or holds version 1 of that name already.
    """
    source = Path(path).absolute()
    if not is_bare(source):
        return source
    base_path = Path(into).absolute() / (name or source.name)
    publish_copy(source, base_path, version=1)
    return base_path
