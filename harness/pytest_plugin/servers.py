"""The servers of a test run: each distinct one is started once and shared by all tests that want it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from harness.clients import GrpcClient, RestClient
from harness.model_config import ModelConfig
from harness.servers import ServerSpec, choose_backend, start
from harness.serving import prepared_models
from harness.surroundings import backend_of, served_model

if TYPE_CHECKING:
    from pathlib import Path

    from harness.pytest_plugin.state import State
    from harness.servers import BackendChoice, Server

__all__ = ["Servers", "base_spec"]

_MOST_AT_ONCE = 3


def base_spec(state: State, models: tuple[ModelConfig, ...], args: tuple[str, ...] = ()) -> ServerSpec:
    """Return the spec of a server as the command line asks for it."""
    config = state.config
    return ServerSpec(
        models=models,
        backend=config.backend,
        args=(*config.args, *args),
        image=config.image,
        binary=config.binary,
        external=config.external,
        ready_timeout_s=config.ready_timeout_s,
    )


class Servers:
    """Started servers and their clients. Too many at once would disturb each other: the oldest is stopped."""

    def __init__(self, state: State, staging: Path) -> None:
        """Start nothing yet."""
        self._state = state
        self._staging = staging
        self._running: dict[tuple[tuple[str, ...], tuple[str, ...]], Server] = {}
        self._clients: dict[tuple[int, str], tuple[ExitStack, GrpcClient | None, RestClient | None]] = {}
        self._models: dict[str, ModelConfig] = {}

    def get(self, models: tuple[str, ...], args: tuple[str, ...] = ()) -> Server:
        """Return the running server of these models and flags; start it if there is none, or if it has ended.

        Raises:
            LayoutError: a model's path cannot be served.
            ServerError: the server did not become ready.
        """
        key = (models, args)
        server = self._running.get(key)
        if server is not None and server.is_running:
            return server
        if server is not None:
            self._stop(key)
        while len(self._running) >= _MOST_AT_ONCE:
            self._stop(next(iter(self._running)))
        spec = base_spec(self._state, tuple(self._model(name) for name in models), args)
        server = self._running[key] = start(spec, self._backend(spec))
        self._note(server)
        return server

    def _note(self, server: Server) -> None:
        """Put what is served into the report."""
        recorder = self._state.recorder
        recorder.backend = recorder.backend or backend_of(server)
        for model in server.spec.models:
            grpc, rest = self.clients(server, model.name)
            asked = grpc or rest
            if asked is not None and model.name not in recorder.models:
                signatures, statuses = asked.signatures(), asked.model_status()
                recorder.models[model.name] = served_model(model.name, model.base_path, signatures, statuses)

    def clients(self, server: Server, model: str) -> tuple[GrpcClient | None, RestClient | None]:
        """Return the clients of one model; None for an API that the server does not have."""
        key = (id(server), model)
        if key not in self._clients:
            endpoint = server.endpoint_of(model)
            stack = ExitStack()
            grpc = stack.enter_context(GrpcClient(endpoint)) if endpoint.grpc is not None else None
            rest = stack.enter_context(RestClient(endpoint)) if endpoint.rest is not None else None
            self._clients[key] = (stack, grpc, rest)
        _, grpc, rest = self._clients[key]
        return grpc, rest

    def close(self) -> None:
        """Stop every server."""
        for key in list(self._running):
            self._stop(key)

    def _model(self, name: str) -> ModelConfig:
        """Return a model's config; exports and looks it over at first use."""
        source = self._state.models[name]
        if self._state.config.external is not None or source is None:
            return ModelConfig(name=name, base_path="" if source is None or callable(source) else str(source))
        if name not in self._models:
            path = source() if callable(source) else source
            (self._models[name],) = prepared_models({name: path}, staging=self._staging)
        return self._models[name]

    def _backend(self, spec: ServerSpec) -> BackendChoice:
        if self._state.backend is None:
            self._state.backend = choose_backend(spec)
        return self._state.backend

    def _stop(self, key: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        server = self._running.pop(key)
        for client_key in [client_key for client_key in self._clients if client_key[0] == id(server)]:
            self._clients.pop(client_key)[0].close()
        server.stop()
