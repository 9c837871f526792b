"""The choice of a backend: made once in a run, when it is first needed, and then the same for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.model_config import ModelConfig
    from harness.pytest_plugin.state import State
    from harness.servers import BackendChoice, ServerSpec

__all__ = ["base_spec", "chosen_backend"]


def base_spec(state: State, models: tuple[ModelConfig, ...], args: tuple[str, ...] = ()) -> ServerSpec:
    """Return the spec of a server as the command line asks for it."""
    from harness.servers import ServerSpec

    config = state.config
    return ServerSpec(
        models=models,
        backend=config.backend,
        args=(*config.args, *args),
        image=config.image,
        binary=config.binary,
        external=config.external,
        environment=config.environment,
        container=config.container,
        log_directory=config.log_directory,
        ready_timeout_s=config.ready_timeout_s,
        metrics=True,
    )


def chosen_backend(state: State) -> BackendChoice:
    """Return the backend of this run; looks for one at the first call only.

    Raises:
        HarnessError: the backend asked for cannot run here; the same at each call.
    """
    if state.backend_fault is not None:
        raise state.backend_fault
    if state.backend is None:
        from harness.servers import choose_backend

        try:
            state.backend = choose_backend(base_spec(state, _placeholder_models(state)))
        except HarnessError as exc:
            state.backend_fault = exc
            raise
    return state.backend


def _placeholder_models(state: State) -> tuple[ModelConfig, ...]:
    """Return model configs whose paths are not looked at: the choice of a backend depends on names at most."""
    from harness.model_config import ModelConfig

    return tuple(ModelConfig(name=name, base_path="/") for name in state.models)
