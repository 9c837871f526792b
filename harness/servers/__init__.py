"""Servers: a ServerSpec becomes a running Server with an Endpoint, whatever backend runs it.

Four backends stand behind one seam: ``container``, ``binary``, ``standin`` and ``external``. What starts them is
imported at first use: the options of the pytest plugin need the names only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from harness.servers.choice import BackendChoice, choose_backend
from harness.servers.container_options import ContainerOptions
from harness.servers.spec import BACKENDS, ExternalAddress, ServerSpec

if TYPE_CHECKING:
    from harness.servers.launch import start
    from harness.servers.server import Server
    from harness.servers.serving_container import TensorFlowServingContainer

__all__ = [
    "BACKENDS",
    "BackendChoice",
    "ContainerOptions",
    "ExternalAddress",
    "Server",
    "ServerSpec",
    "TensorFlowServingContainer",
    "choose_backend",
    "start",
]

_HOMES = {
    "Server": "harness.servers.server",
    "TensorFlowServingContainer": "harness.servers.serving_container",
    "start": "harness.servers.launch",
}


def __getattr__(name: str) -> Any:
    """Load what starts servers at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
