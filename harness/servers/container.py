"""Backend ``container``: TensorFlowServingContainer behind the seam that all backends share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docker.errors import DockerException
from requests.exceptions import RequestException

from harness.servers.cgroups import group_of
from harness.servers.engine import engine_address, engine_fault
from harness.servers.images import digest_of, image_of, why_no_image, with_hub_prefix
from harness.servers.log_files import LogFollower, log_path
from harness.servers.owners import LABEL
from harness.servers.ports import refuse_taken_port
from harness.servers.remedies import engine_gone
from harness.servers.transfer import engine_sees_our_files

if TYPE_CHECKING:
    from harness.model_config import ModelConfig
    from harness.servers.cgroups import ControlGroup
    from harness.servers.spec import ServerSpec

__all__ = ["LABEL", "ContainerEngine", "why_no_container"]


def why_no_container(spec: ServerSpec) -> str:
    """Return why no container can run here; empty if one can. Takes at most about 5 s."""
    return engine_fault() or why_no_image(
        with_hub_prefix(image_of(spec)), platform=spec.container.platform, is_asked_for=spec.backend != "auto"
    )


class ContainerEngine:
    """A container and the file that its log is kept in."""

    def __init__(self, spec: ServerSpec) -> None:
        """Start the container; readiness is somebody else's business.

        Raises:
            BackendUnavailableError: the engine or the image cannot be had.
            StartupError: a port asked for is taken, or the engine refuses to start the container.
            UsageError: the log cannot be kept where it is wanted.
        """
        self._peak_bytes = 0
        self._follower: LogFollower | None = None
        self._log_path = log_path(spec)
        self.image: str | None = None
        self._container: Any = _container_of(spec)
        try:
            self._refuse_taken_ports(spec)
            self._container.launch()
            self.command: tuple[str, ...] = self._container.command
            started = self._container.get_wrapped_container()
            self.image = f"{self._container.image} ({digest_of(started.image, self._container.image)})"
            self._follow()
        except RequestException as exc:
            self.stop()
            raise engine_gone(self._container.image, exc) from exc
        except BaseException:
            self.stop()
            raise

    @staticmethod
    def _refuse_taken_ports(spec: ServerSpec) -> None:
        if engine_sees_our_files(engine_address()):
            for port, option in ((spec.grpc_port, "gRPC port"), (spec.rest_port, "REST port")):
                if port is not None:
                    refuse_taken_port(port, option)

    def _follow(self) -> None:
        """Keep the log from the container's first line on; a follower of an earlier run of it ends first."""
        if self._log_path is None:
            return
        if self._follower is not None:
            self._follower.finish()
        self._follower = LogFollower(self._container.get_wrapped_container(), self._log_path)

    @property
    def name(self) -> str:
        """The container's name, as ``docker ps`` shows it."""
        return str(self._container.get_wrapped_container().name)

    def addresses(self) -> tuple[str | None, str | None]:
        """Return the gRPC address and the REST base URL as seen from this machine."""
        addresses: tuple[str, str] = self._container.addresses()
        return addresses

    def base_path_of(self, model: ModelConfig) -> str:
        """Return where a model lies in the container."""
        return str(self._container.base_path_of(model))

    def exit_text(self) -> str | None:
        """Return how the container ended, None while it runs."""
        text: str | None = self._container.exit_text()
        return text

    def log(self) -> str:
        """Return everything the container has written."""
        return str(self._container.log())

    def stop(self) -> None:
        """Remove the container at once, and keep the end of its log."""
        self._container.stop()
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.finish()

    def kill(self) -> None:
        """End the server as a crash would: SIGKILL, whatever it is doing; nothing happens if it has ended."""
        if self.exit_text() is None:
            self._container.get_wrapped_container().kill()

    def restart(self) -> None:
        """End the server and start it again; the engine on this machine keeps its ports."""
        self._container.relaunch()
        self._follow()

    def pause(self) -> None:
        """Freeze the container; nothing happens if it is, or has ended."""
        if self._status() == "running":
            self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        """Thaw the container; nothing happens if it runs, or has ended."""
        if self._status() == "paused":
            self._container.get_wrapped_container().unpause()

    def _status(self) -> str:
        return "" if self.exit_text() is not None else str(self._container.get_wrapped_container().status)

    def cpu_time_us(self) -> int | None:
        """Return the CPU time of the whole container, in microseconds; from its control group, or from the engine."""
        group = self._group()
        used_us = None if group is None else group.cpu_time_us()
        if used_us is not None:
            return used_us
        used_ns = self._stats().get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage")
        return None if used_ns is None else int(used_ns) // 1000

    def peak_memory_bytes(self) -> int | None:
        """Return the container's highest memory: the kernel's own figure, else the highest of the calls made."""
        group = self._group()
        peak = None if group is None else group.peak_memory_bytes()
        if peak is None:
            memory = self._stats().get("memory_stats", {})
            peak = max(memory.get("max_usage", 0), memory.get("usage", 0))
        self._peak_bytes = max(self._peak_bytes, peak)
        return self._peak_bytes or None

    def memory_bytes(self) -> int | None:
        """Return the memory the container uses now, without the files' pages that the kernel could drop."""
        group = self._group()
        used = None if group is None else group.memory_bytes()
        if used is not None:
            return used
        memory = self._stats().get("memory_stats", {})
        if "usage" not in memory:
            return None
        details = memory.get("stats", {})
        return int(memory["usage"]) - int(details.get("inactive_file", details.get("total_inactive_file", 0)))

    def _group(self) -> ControlGroup | None:
        """Return the control group, None if it is on another machine or the container does not run."""
        if self.exit_text() is not None:
            return None
        container = self._container.get_wrapped_container()
        return group_of(container.attrs["State"]["Pid"], container.id)

    def _stats(self) -> dict[str, Any]:
        if self.exit_text() is not None:
            return {}
        try:
            stats: dict[str, Any] = self._container.get_wrapped_container().stats(stream=False, one_shot=True)
        except DockerException:  # it has just ended, or the engine is too old for one figure at once
            return {}
        return stats


def _container_of(spec: ServerSpec) -> Any:
    """Return the container that a spec describes, not yet started."""
    from docker.types import Mount

    from harness.servers.serving_container import GRPC_PORT, REST_PORT, TensorFlowServingContainer

    mounts = [Mount(target=inside, source=there, type="bind", read_only=True) for there, inside in spec.mounts]
    container = TensorFlowServingContainer(image_of(spec)).with_models(*spec.models).with_flags(*spec.args)
    container.with_model_transfer(spec.container.model_transfer)
    if spec.metrics:
        container.with_metrics()
    container.with_bind_ports(GRPC_PORT, spec.grpc_port).with_bind_ports(REST_PORT, spec.rest_port)
    for name, value in spec.environment.items():
        container.with_env(name, value)
    return container.with_kwargs(mounts=mounts, **spec.container.engine_arguments())
