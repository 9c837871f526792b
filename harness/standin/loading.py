"""How this server turns a version folder into a Servable: load, set up batching, warm up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.standin.saved_model import load_saved_model
from harness.standin.servable import Servable
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ServableLoader"]


@dataclass(frozen=True, kw_only=True)
class ServableLoader:
    """Loads versions.

    Attributes:
        tags: the tags of the graph to load.
        session_config: a ConfigProto for the sessions.
        make_batcher: makes a version's batcher from its folder, session and signatures; None for no batching.
        warm_up: replays a version's warm-up requests; None for no warm-up.
    """

    tags: tuple[str, ...]
    session_config: Any
    make_batcher: Callable[[Path, Any, Any], Any] | None = None
    warm_up: Callable[[Servable], None] | None = None

    def __call__(self, name: str, version: int, path: str) -> Servable:
        """Load a version.

        Raises:
            StatusError: the folder cannot be loaded, or its warm-up requests fail.
        """
        folder = Path(path)
        _reserve(name, version, folder)
        model = load_saved_model(folder, self.tags, self.session_config)
        batcher = None
        try:
            if self.make_batcher is not None:
                batcher = self.make_batcher(folder, model.session, model.meta_graph.signature_def)
            servable = Servable(
                name=name,
                version=version,
                path=path,
                meta_graph=model.meta_graph,
                session=model.session,
                batcher=batcher,
            )
            if self.warm_up is not None:
                self.warm_up(servable)
        except BaseException:
            if batcher is not None:
                batcher.close()
            model.session.close()
            raise
        return servable


def _reserve(name: str, version: int, folder: Path) -> None:
    """The look at the folder's size that comes before a load; it fails for a plain file (behaviour item 83)."""
    if folder.exists() and not folder.is_dir():
        text = (
            f"Error while attempting to reserve resources to load servable {{name: {name} version: {version}}}: "
            f"{folder}; Not a directory"
        )
        raise StatusError("FAILED_PRECONDITION", text)
