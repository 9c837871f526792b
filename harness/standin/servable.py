"""Servable: one loaded version of a model, pinned while requests use it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from harness.standin.batching import Batcher
    from harness.standin.session import Session

__all__ = ["Servable"]


class Servable:
    """A loaded version.

    Attributes:
        name: the model's name.
        version: the version's number.
        path: the version's folder.
        meta_graph: its MetaGraphDef without the graph.
        session: its graph, to be run directly.
    """

    def __init__(
        self, *, name: str, version: int, path: str, meta_graph: Any, session: Session, batcher: Batcher | None = None
    ) -> None:
        """Take a session over; ``batcher``, if any, is what requests are run through."""
        self.name = name
        self.version = version
        self.path = path
        self.meta_graph = meta_graph
        self.session = session
        self._batcher = batcher
        self._pins = 0
        self._idle = threading.Condition()

    @property
    def signature_defs(self) -> Any:
        """The signatures by name: a proto map of SignatureDef."""
        return self.meta_graph.signature_def

    def run(
        self, feeds: Mapping[str, np.ndarray[Any, Any]], fetches: Sequence[str], *, timeout_ms: int | None = None
    ) -> list[np.ndarray[Any, Any]]:
        """Run the graph for one request: tensors by name in, the fetched ones out, in order.

        Raises:
            StatusError: the run failed, or took longer than ``timeout_ms`` milliseconds.
        """
        runner = self._batcher or self.session
        return runner.run(feeds, fetches, timeout_ms=timeout_ms)

    def pin(self) -> None:
        """Keep this version loaded until :meth:`unpin`."""
        with self._idle:
            self._pins += 1

    def unpin(self) -> None:
        """Let go of this version."""
        with self._idle:
            self._pins -= 1
            if not self._pins:
                self._idle.notify_all()

    def unload(self) -> None:
        """Wait until no request uses this version, then free what it holds."""
        with self._idle:
            self._idle.wait_for(lambda: not self._pins)
        if self._batcher is not None:
            self._batcher.close()
        self.session.close()
