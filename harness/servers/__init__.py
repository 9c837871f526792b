"""Servers: a ServerSpec becomes a running Server with an Endpoint, whatever backend runs it.

Four backends stand behind one seam: ``container``, ``binary``, ``standin`` and ``external``.
"""

from harness.servers.choice import BackendChoice, choose_backend
from harness.servers.server import Server
from harness.servers.spec import BACKENDS, ServerSpec
from harness.servers.start import start

__all__ = ["BACKENDS", "BackendChoice", "Server", "ServerSpec", "choose_backend", "start"]
