"""The servers of a test run: each distinct one is started once and shared by all tests that want it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from harness.clients import GrpcClient, RestClient
from harness.errors import HarnessError, ServerError
from harness.findings import Finding
from harness.model_config import ModelConfig
from harness.pytest_plugin.backend import base_spec, chosen_backend
from harness.servers import start
from harness.serving import prepared_models
from harness.surroundings import backend_of, served_model

if TYPE_CHECKING:
    from pathlib import Path

    from harness.checks.subject import CheckOptions, Subject
    from harness.pytest_plugin.state import State
    from harness.servers import Server
    from harness.servers.sharing import SharedServers

__all__ = ["MOST_AT_ONCE", "Servers"]

MOST_AT_ONCE = 3

_Key = tuple[tuple[str, ...], tuple[str, ...]]


class Servers:
    """Started servers and their clients. Too many would disturb each other: the one unused for longest is stopped."""

    def __init__(self, state: State, staging: Path, *, shared: SharedServers | None = None) -> None:
        """Start nothing yet.

        Args:
            state: of this pytest process.
            staging: where bare SavedModels are laid out for the server.
            shared: the servers of another process, to use instead of own ones.
        """
        self._state = state
        self._shared = shared
        self._staging = staging
        self._running: dict[_Key, Server] = {}
        self._faults: dict[_Key, HarnessError] = {}
        self._clients: dict[tuple[int, str], tuple[ExitStack, GrpcClient | None, RestClient | None]] = {}
        self._subjects: dict[tuple[int, str], Subject] = {}
        self._models: dict[str, ModelConfig] = {}

    def get(self, models: tuple[str, ...], args: tuple[str, ...] = ()) -> Server:
        """Return the running server of these models and flags; start it if there is none, or if it has ended.

        Raises:
            LayoutError: a model's path cannot be served.
            ServerError: the server did not become ready, or did not at an earlier call: it is tried once only.
        """
        key = (models, args)
        if key in self._faults:
            raise _known_fault(self._faults[key])
        server = self._running.pop(key, None)
        if server is not None and server.is_running:
            self._running[key] = server  # the last in the dict is the one used last
            return server
        if server is not None:
            self._say_that_it_ended(server)
            self._stop(server)
        while len(self._running) >= MOST_AT_ONCE:
            self._stop(self._running.pop(next(iter(self._running))))
        return self._start(key)

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

    def subject(self, server: Server, model: str, options: CheckOptions) -> Subject:
        """Return one model as the checks take it; what to ask it is found out once.

        Raises:
            HarnessError: the model's signatures, files or examples cannot be had.
        """
        from harness.checks.opening import open_subject

        key = (id(server), model)
        known = self._subjects.get(key)
        if known is None or known.options != options:
            grpc, rest = self.clients(server, model)
            known = self._subjects[key] = open_subject(server, model, grpc=grpc, rest=rest, options=options)
        return known

    def close(self) -> None:
        """Stop every server."""
        while self._running:
            self._stop(self._running.popitem()[1])
        if self._shared is not None:
            self._shared.close()

    def launch(self, key: _Key) -> Server:
        """Start the server of these models and flags anew, whatever runs already.

        Raises:
            HarnessError: a model's path cannot be served, or the server did not become ready.
        """
        models, args = key
        backend = chosen_backend(self._state)
        return start(base_spec(self._state, tuple(self._model(name) for name in models), args), backend)

    def _start(self, key: _Key) -> Server:
        try:
            server = self._running[key] = self.launch(key) if self._shared is None else self._shared.get(key)
        except HarnessError as exc:
            self._faults[key] = exc
            self._state.recorder.findings.append(_start_finding(key, exc))
            raise
        self._note(server)
        return server

    def _note(self, server: Server) -> None:
        """Put what is served into the report."""
        recorder = self._state.recorder
        recorder.backend = recorder.backend or backend_of(server)
        for model in server.spec.models:
            if model.name in recorder.models:
                continue
            grpc, rest = self.clients(server, model.name)
            try:
                asked = grpc or rest
                signatures = {} if asked is None else asked.signatures()
                statuses = () if asked is None else asked.model_status()
            except HarnessError as exc:  # a test of it will fail and say more; the others can still run
                recorder.warnings.append(f"what the model {model.name} offers could not be asked: {exc}")
                signatures, statuses = {}, ()
            recorder.models[model.name] = served_model(model.name, model.base_path, signatures, statuses)

    def _model(self, name: str) -> ModelConfig:
        """Return a model's config; exports and looks it over at first use."""
        source = self._state.models[name]
        if self._state.config.external is not None or source is None:
            return ModelConfig(name=name, base_path="" if source is None or callable(source) else str(source))
        if name not in self._models:
            path = source() if callable(source) else source
            (self._models[name],) = prepared_models({name: path}, staging=self._staging)
        return self._models[name]

    def _say_that_it_ended(self, server: Server) -> None:
        """Tell the report that a server ended while no test used it."""
        last = "".join(f"; its last line: {line}" for line in server.log_tail(1))
        self._state.recorder.warnings.append(
            f"the server of {', '.join(server.spec.model_names)} ended between two tests ({server.engine.exit_text()})"
            f" and was started anew{last}"
        )

    def _stop(self, server: Server) -> None:
        for key in [key for key in self._clients if key[0] == id(server)]:
            self._clients.pop(key)[0].close()
            self._subjects.pop(key, None)
        server.stop()


def _known_fault(fault: HarnessError) -> ServerError:
    lines = [line.strip() for line in str(fault).splitlines()]
    told = "; ".join([*lines[:1], *(line for line in lines[1:] if line.startswith("likely cause:"))])
    return ServerError(f"this server could not be started for an earlier test, which shows the whole text: {told}")


def _start_finding(key: _Key, fault: HarnessError) -> Finding:
    models, args = key
    return Finding(
        check="start",
        model=", ".join(models),
        subject=f"server with {' '.join(args)}" if args else "server",
        passed=False,
        tried="start a server",
        expected="every model becomes available",
        seen=str(fault).partition("\n  last log lines:")[0],  # the log is with the failed test
    )
