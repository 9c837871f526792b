"""Pre-flight of a base path: everything that would keep a server from loading it, found in milliseconds.

tensorflow_model_server waits without end when a base path is missing or holds no number (behaviour items 16, 17),
retries a broken version for five minutes (item 18), and serves a version whose variables are absent until the first
request fails (item 91). Here each of these is an error at once, with its remedy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import LayoutError
from harness.savedmodel.base_path_faults import look_over_base_path
from harness.savedmodel.proto import INTERNAL_PREFIX, pick_meta_graph, read_saved_model
from harness.savedmodel.restored import unrestored_text, unrestored_variables
from harness.savedmodel.variables import look_over_variables
from harness.savedmodel.version_faults import look_over_version
from harness.savedmodel.warmup import WARMUP_FILE
from harness.signatures import Signature, signatures_from_map
from harness.versions import children_by_version, look_alikes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["BasePath", "ModelLayout", "preflight", "preflight_bare"]


@dataclass(frozen=True, kw_only=True)
class ModelLayout:
    """One version on disk, found fit to be served.

    Attributes:
        version: its number.
        path: its directory.
        tags: the tags of the graph looked at, sorted.
        signatures: what clients can call, by name.
        has_warmup: whether it brings warm-up records.
        size_bytes: what its files take.
        notes: what will fail although the version can be loaded.
    """

    version: int
    path: Path
    tags: tuple[str, ...]
    signatures: Mapping[str, Signature]
    has_warmup: bool
    size_bytes: int
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class BasePath:
    """A base path that a server can serve.

    Attributes:
        path: absolute.
        versions: the versions looked at and found fit, lowest number first; never empty.
        notes: what is no error but perhaps not meant: names a server ignores, older versions it could not load, the
            versions' own notes.
    """

    path: Path
    versions: tuple[ModelLayout, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """The servable's name unless another is given to the server: the last component of the path."""
        return self.path.name

    @property
    def latest(self) -> ModelLayout:
        """The version that the default policy serves (behaviour item 84)."""
        return self.versions[-1]


def preflight(
    base_path: str | Path, *, tags: Collection[str] = ("serve",), versions: Collection[int] | None = None
) -> BasePath:
    """Look a base path over as a server would, without TensorFlow.

    Args:
        base_path: the directory that holds the numbered version directories.
        tags: the tags the server is started with (--saved_model_tags).
        versions: the versions that must be fit. None: the highest must be, as the default policy serves it; faults of
            older ones become notes.

    Returns:
        The fit versions: the wanted ones, or all of them.

    Raises:
        LayoutError: what is wrong and what to do about it.
        SignatureError: a signature with a dtype that TensorFlow does not have.
    """
    path = Path(base_path).absolute()
    look_over_base_path(path)
    children = children_by_version(path)
    wanted = sorted(children) if versions is None else sorted(set(versions))
    _refuse_missing(path, wanted, children)
    must_be_fit = wanted[-1:] if versions is None else wanted
    found, notes = [], _notes(path, children)
    for version in wanted:
        layout, fault = _look_over_or_fault(path / children[version][-1], version, tags)
        if fault is not None and version in must_be_fit:
            raise fault
        found += [layout] if layout is not None else []
        notes += [f"version {version} could not be loaded: {fault}"] if fault is not None else []
    notes += [f"version {layout.version}: {note}" for layout in found for note in layout.notes]
    return BasePath(path=path, versions=tuple(found), notes=tuple(notes))


def preflight_bare(directory: str | Path, *, tags: Collection[str] = ("serve",)) -> ModelLayout:
    """Look over a SavedModel that lies in no version directory, as ``preflight`` does version 1.

    Raises:
        LayoutError: what is wrong and what to do about it.
        SignatureError: a signature with a dtype that TensorFlow does not have.
    """
    return _look_over(Path(directory).absolute(), 1, tags)


def _refuse_missing(path: Path, wanted: list[int], children: Mapping[int, tuple[str, ...]]) -> None:
    if not wanted:
        raise LayoutError(f"no version of {path} was asked for; leave versions out to look at all of them")
    missing = [version for version in wanted if version not in children]
    if missing:
        raise LayoutError(
            f"{path} has no version {', '.join(map(str, missing))}; it has: {', '.join(map(str, children))}."
            " A server asked for a specific version that is not there serves nothing and only logs a warning"
        )


def _notes(path: Path, children: Mapping[int, tuple[str, ...]]) -> list[str]:
    notes = [
        f"version {version} is loaded from {names[-1]!r}; {', '.join(map(repr, names[:-1]))} stands for the same"
        " number and is ignored"
        for version, names in children.items()
        if len(names) > 1
    ]
    ignored = look_alikes(entry.name for entry in path.iterdir())
    if ignored:
        notes.append(f"ignored, since a version's name is a number and nothing else: {', '.join(ignored)}")
    return notes


def _look_over_or_fault(
    directory: Path, version: int, tags: Collection[str]
) -> tuple[ModelLayout | None, LayoutError | None]:
    try:
        return _look_over(directory, version, tags), None
    except LayoutError as exc:
        return None, exc


def _look_over(directory: Path, version: int, tags: Collection[str]) -> ModelLayout:
    look_over_version(directory, version)
    graph = pick_meta_graph(read_saved_model(directory), tags, path=directory)
    look_over_variables(directory, graph)
    callable_ones = {key: value for key, value in graph.signature_def.items() if not key.startswith(INTERNAL_PREFIX)}
    return ModelLayout(
        version=version,
        path=directory,
        tags=tuple(sorted(graph.meta_info_def.tags)),
        signatures=signatures_from_map(callable_ones),
        has_warmup=(directory / WARMUP_FILE).is_file(),
        size_bytes=sum(file.stat().st_size for file in directory.rglob("*") if file.is_file()),
        notes=tuple(unrestored_text(name, variables) for name, variables in unrestored_variables(graph).items()),
    )
