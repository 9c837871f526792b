"""Export: a model in memory becomes a version that a server can load.

    base_path = export(model, to="build/digits")                   # build/digits/1/saved_model.pb
    base_path = export(model, to="build", name="digits")           # the same
    base_path = export(model, to="build/digits", version=7)        # build/digits/7/saved_model.pb

The layout is always ``<base path>/<version>/saved_model.pb``, and the servable is called as the base path's last
component. ``to`` is the base path, or its parent if ``name`` is given. TF1 graphs: ``export_v1``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ExportError
from harness.savedmodel.meta_graph import METHOD_NAMES, edit_meta_graphs
from harness.savedmodel.proto import INTERNAL_PREFIX, read_saved_model
from harness.savedmodel.restored import unrestored_text, unrestored_variables
from harness.savedmodel.staging import publish
from harness.savedmodel.warmup import write_warmup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["base_path_of", "export", "finish_and_publish"]


def export(
    model: Any,
    *,
    to: str | Path,
    name: str | None = None,
    version: int | None = None,
    signatures: Any = None,
    methods: Mapping[str, str] | None = None,
    warmup: Iterable[Any] = (),
    tags: Iterable[str] = ("serve",),
) -> Path:
    """Export a Keras model or tf.Module as a new version under a base path.

    A server that polls the base path sees the version whole or not at all, several exports at once get different
    numbers, and a failed or interrupted export leaves nothing behind.

    Args:
        model: a Keras 3 model, or any trackable object that tf.saved_model.save takes.
        to: the base path; with ``name``, its parent.
        name: the servable's name, the last component of the base path.
        version: the number to publish as; None for the one after the highest there.
        signatures: as tf.saved_model.save takes them: a tf.function, or a mapping of name to tf.function. None:
            a Keras model's own inputs and outputs under their layer names, a tf.Module's single tf.function.
        methods: ``predict`` (the default), ``classify`` or ``regress`` by signature name; a server routes
            MultiInference by it, and checks it if told to (behaviour items 68, 73).
        warmup: requests as ``write_warmup`` takes them.
        tags: the tags of the graph. A server looks for ``serve`` unless told otherwise.

    Returns:
        The base path. The new version is the highest below it, or ``version``.

    Raises:
        ExportError: the version is taken, the model cannot be saved, it has no signature, or a signature or warm-up
            request named here does not fit it.
    """
    base_path = base_path_of(to, name)

    def write(staged: Path) -> None:
        _save(model, staged, signatures)

    finish_and_publish(base_path, write, version=version, methods=methods, warmup=warmup, tags=tags)
    return base_path


def base_path_of(to: str | Path, name: str | None) -> Path:
    """Return the base path that ``to`` and ``name`` mean; its last component is the servable's name.

    Raises:
        ExportError: the name is no single path component, or it would be a version number.
    """
    if name is not None and (not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name):
        raise ExportError(f"{name!r} is no name for a servable; use one path component such as 'digits'")
    base_path = Path(to).absolute() if name is None else Path(to).absolute() / name
    if base_path.exists() and not base_path.is_dir():
        raise ExportError(f"the base path {base_path} is a file; name a directory to export to")
    if (base_path / "saved_model.pb").exists():
        raise ExportError(
            f"{base_path} is itself a SavedModel; a base path holds numbered directories. Export to another directory"
        )
    return base_path


def finish_and_publish(
    base_path: Path,
    write: Callable[[Path], None],
    *,
    version: int | None,
    methods: Mapping[str, str] | None = None,
    warmup: Iterable[Any] = (),
    tags: Iterable[str] | None = None,
) -> Path:
    """Publish what ``write`` saved, after setting tags and method names, adding warm-up records and looking it over."""
    _refuse_unknown_methods(methods or {})
    requests = list(warmup)

    def write_all(staged: Path) -> None:
        write(staged)
        edit_meta_graphs(staged, tags=tags, methods=methods or {})
        _refuse_unservable(staged)
        if requests:
            write_warmup(staged, requests)

    return publish(base_path, write_all, version=version)


def _refuse_unknown_methods(methods: Mapping[str, str]) -> None:
    for signature, method in methods.items():
        if method not in METHOD_NAMES:
            raise ExportError(f"method {method!r} of signature {signature!r} is none of: {', '.join(METHOD_NAMES)}")


def _refuse_unservable(staged: Path) -> None:
    graphs = read_saved_model(staged).meta_graphs
    if all(name.startswith(INTERNAL_PREFIX) for graph in graphs for name in graph.signature_def):
        raise ExportError(
            "the model has no signature, so no client could call it. Give signatures={'serving_default': f} with f a"
            " tf.function that has an input_signature (or a concrete function)"
        )
    for graph in graphs:
        for name, variables in unrestored_variables(graph).items():
            raise ExportError(unrestored_text(name, variables))


def _save(model: Any, directory: Path, signatures: Any) -> None:
    import tensorflow as tf

    from harness.savedmodel.keras_signatures import is_keras_model, keras_signature, saveable

    trackable = model
    if is_keras_model(model):
        signatures = keras_signature(model) if signatures is None else signatures
        trackable = saveable(model)
    try:
        tf.saved_model.save(trackable, str(directory), signatures=signatures)
    except Exception as exc:
        raise ExportError(
            f"TensorFlow could not save the {type(model).__name__} as a SavedModel: {type(exc).__name__}: {exc}"
        ) from exc
