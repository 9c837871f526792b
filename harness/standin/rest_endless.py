"""Which models need TensorFlow's own time-out.

TensorFlow can only time a run out if other threads carry it, and those threads cost more than a small model's
whole run. A graph without loops and without operations that wait for something ends by itself, so its runs can
take place in the thread that serves the request, and are merely found late when they were.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from google.protobuf.message import DecodeError

from harness.protos import saved_model_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.standin.servable import Servable

__all__ = ["RunLimits", "may_run_endlessly"]

_SHORT_TIMEOUT_S = 10.0
_LARGEST_FILE_BYTES = 1 << 26

# Loops, and what waits for other threads, processes or devices.
_ENDLESS = re.compile(
    r"(Stateless)?(While|For)|(Ref)?Enter|.*(Queue|Dataset|Iterator|PyFunc|Barrier|Mutex|Collective|Reader|RemoteCall"
    r"|TakeGradient|Recv|TPU).*|(Ordered)?(Map)?(Un)?[Ss]tage.*|(Un)?[Bb]atch(Function)?"
)


def may_run_endlessly(op_types: Iterable[str]) -> bool:
    """Tell whether a graph of such operations may not end by itself."""
    return any(_ENDLESS.fullmatch(op_type) for op_type in op_types)


class RunLimits:
    """The deadline to give to each servable's runs."""

    def __init__(self, timeout_s: float) -> None:
        """Limit runs to that many seconds."""
        self._timeout_s = timeout_s
        self._known: WeakKeyDictionary[Any, float | None] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def deadline_s(self, servable: Servable) -> float | None:
        """Return the seconds TensorFlow is to watch over; None if its runs end by themselves.

        Short limits are always watched, so that a slow run is answered in time.
        """
        try:
            return self._known[servable]
        except KeyError:
            endless = self._timeout_s < _SHORT_TIMEOUT_S or _may_run_endlessly(servable.path)
            with self._lock:
                self._known[servable] = self._timeout_s if endless else None
            return self._known[servable]


def _may_run_endlessly(folder: str) -> bool:
    """Look through the SavedModel in a version's folder; in doubt it may."""
    file = Path(folder, "saved_model.pb")
    model = saved_model_pb2.SavedModel()
    try:
        if file.stat().st_size > _LARGEST_FILE_BYTES:
            return True
        model.ParseFromString(file.read_bytes())
    except (OSError, DecodeError):
        return True
    graphs = [meta_graph.graph_def for meta_graph in model.meta_graphs]
    nodes = {node.op for graph in graphs for node in graph.node}
    nodes |= {node.op for graph in graphs for function in graph.library.function for node in function.node_def}
    return may_run_endlessly(nodes)
