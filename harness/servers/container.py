"""Backend ``container``: tensorflow/serving, or an image with its contract, started by testcontainers.

The image's contract: its entry point runs ``tensorflow_model_server --port=8500 --rest_api_port=8501
--model_name=$MODEL_NAME --model_base_path=$MODEL_BASE_PATH/$MODEL_NAME "$@"`` with MODEL_BASE_PATH=/models (behaviour
items 194, 195). So models are mounted at ``/models/NAME``, and the container's arguments are further flags.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import BackendUnavailableError, StartupError
from harness.servers import guard
from harness.servers.command import CONFIG_FILE, fail_fast_flags, is_plain, model_flags
from harness.servers.images import engine_fault, image_of, local_digest, why_no_image
from harness.servers.ports import refuse_taken_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.servers.spec import ServerSpec

__all__ = ["ContainerEngine", "why_no_container"]

GRPC_PORT = 8500
REST_PORT = 8501
MODELS = "/models"
CONFIG_DIRECTORY = "/tfserving-harness"
LABEL = "tfserving-harness"


def why_no_container(spec: ServerSpec) -> str:
    """Return why no container can run here; empty if one can. Takes at most about 5 s."""
    return engine_fault() or why_no_image(image_of(spec))


class ContainerEngine:
    """A container, its guard, and the directory with its generated model config."""

    def __init__(self, spec: ServerSpec) -> None:
        """Start the container; readiness is somebody else's business.

        Raises:
            BackendUnavailableError: the engine or the image cannot be had.
            StartupError: a port asked for is taken, or the engine refuses to start the container.
        """
        for port, option in ((spec.grpc_port, "gRPC port"), (spec.rest_port, "REST port")):
            if port is not None:
                refuse_taken_port(port, option)
        self._stop_timeout_s = spec.stop_timeout_s
        self._directory = Path(tempfile.mkdtemp(prefix="tfserving-harness-"))
        self._container: Any = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._peak_bytes = 0
        image = image_of(spec)
        try:
            flags = _container_flags(spec, self._directory)
            self.command: tuple[str, ...] = ("docker", "run", image, *flags)
            self._start(spec, image, flags)
            self.image: str | None = f"{image} ({local_digest(image)})"
        except BaseException:
            self.stop()
            raise

    def _start(self, spec: ServerSpec, image: str, flags: tuple[str, ...]) -> None:
        from docker.errors import DockerException
        from testcontainers.core.container import DockerContainer

        container = DockerContainer(image).with_command(list(flags))
        container.with_env("MODEL_NAME", spec.models[0].name)
        for name, value in spec.environment.items():
            container.with_env(name, value)
        container.with_bind_ports(GRPC_PORT, spec.grpc_port)
        container.with_bind_ports(REST_PORT, spec.rest_port)
        labels = {LABEL: "server", f"{LABEL}.owner-pid": str(os.getpid())}
        container.with_kwargs(labels=labels, mounts=self._mounts(spec))
        self._container = container
        try:
            with _without_reaper():
                container.start()
        except DockerException as exc:
            raise _refusal(image, exc) from exc
        self._guard = subprocess.Popen(
            [sys.executable, "-I", guard.__file__, "container", container.get_container_id()],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _mounts(self, spec: ServerSpec) -> list[Any]:
        """Return read-only mounts: the models, the generated config, and what the spec adds.

        Not testcontainers' volume mappings: those keep one target for each folder, and one folder may hold two models.
        """
        from docker.types import Mount

        folders = [(model.base_path, f"{MODELS}/{model.name}") for model in spec.models]
        folders += [(str(self._directory), CONFIG_DIRECTORY), *spec.mounts]
        return [Mount(target=inside, source=here, type="bind", read_only=True) for here, inside in folders]

    def addresses(self) -> tuple[str | None, str | None]:
        """Return the gRPC address and the REST base URL as seen from this machine."""
        host = self._container.get_container_host_ip()
        grpc, rest = (self._container.get_exposed_port(port) for port in (GRPC_PORT, REST_PORT))
        return f"{host}:{grpc}", f"http://{host}:{rest}"

    def exit_text(self) -> str | None:
        """Return how the container ended, None while it runs."""
        from docker.errors import NotFound

        if self._container is None:
            return "stopped"
        container = self._container.get_wrapped_container()
        try:
            container.reload()
        except NotFound:
            return "the container was removed"
        state = container.attrs["State"]
        if state["Status"] in {"created", "running", "paused"}:
            return None
        text = f"the container {state['Status']} with code {state['ExitCode']}"
        return text + (", out of memory" if state.get("OOMKilled") else "")

    def log(self) -> str:
        """Return everything the container has written."""
        if self._container is None:
            return ""
        logs: bytes = self._container.get_wrapped_container().logs()
        return logs.decode(errors="replace")

    def stop(self) -> None:
        """Remove the container at once: its bash as PID 1 passes no SIGTERM on (behaviour item 197)."""
        from docker.errors import NotFound

        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(NotFound):
                container.stop(force=True)
        process, self._guard = self._guard, None
        if process is not None and process.stdin is not None:
            process.stdin.close()  # the guard wakes up, finds nothing to remove, and ends
            process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def pause(self) -> None:
        """Freeze the container."""
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        """Thaw the container."""
        self._container.get_wrapped_container().unpause()

    def cpu_time_us(self) -> int | None:
        """Return the CPU time of the whole container, in microseconds."""
        used_ns = self._stats().get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage")
        return None if used_ns is None else int(used_ns) // 1000

    def peak_memory_bytes(self) -> int | None:
        """Return the container's highest memory: the engine's own figure, or the highest of the calls made."""
        memory = self._stats().get("memory_stats", {})
        self._peak_bytes = max(self._peak_bytes, memory.get("max_usage", 0), memory.get("usage", 0))
        return self._peak_bytes or None

    def _stats(self) -> dict[str, Any]:
        if self._container is None:
            return {}
        stats: dict[str, Any] = self._container.get_wrapped_container().stats(stream=False, one_shot=True)
        return stats


def _container_flags(spec: ServerSpec, directory: Path) -> tuple[str, ...]:
    if is_plain(spec.models):
        return (*fail_fast_flags(), *spec.args)  # the entry point's own flags name the model
    inside = [replace(model, base_path=f"{MODELS}/{model.name}") for model in spec.models]
    flags = model_flags(inside, directory)
    on_host, in_container = str(directory / CONFIG_FILE), f"{CONFIG_DIRECTORY}/{CONFIG_FILE}"
    return (*(flag.replace(on_host, in_container) for flag in flags), *spec.args)


@contextlib.contextmanager
def _without_reaper() -> Iterator[None]:
    """Start without testcontainers' Ryuk: its image may not be had here, and the guard does its work."""
    from testcontainers.core.config import testcontainers_config

    before = testcontainers_config.ryuk_disabled
    testcontainers_config.ryuk_disabled = True
    try:
        yield
    finally:
        testcontainers_config.ryuk_disabled = before


def _refusal(image: str, error: Exception) -> BackendUnavailableError | StartupError:
    from docker.errors import ImageNotFound

    if isinstance(error, ImageNotFound):
        return BackendUnavailableError(f"the image {image} is not here and cannot be pulled: {error}")
    return StartupError(f"the Docker engine refused to start {image}: {error}")
