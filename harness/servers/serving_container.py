"""TensorFlowServingContainer: TensorFlow Serving in the style of testcontainers' modules; needs no pytest."""

from __future__ import annotations

import contextlib
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException
from testcontainers.core.container import DockerContainer

from harness.endpoint import Endpoint
from harness.errors import BackendUnavailableError, UsageError
from harness.model_config import ModelConfig
from harness.scratch import scratch_directory, scratch_prefix
from harness.servers import guard
from harness.servers.choice import BackendChoice
from harness.servers.container_arguments import create_arguments, new_name
from harness.servers.container_models import MODELS, ModelLayout
from harness.servers.container_ports import published, reached_at, refuse_unpublished
from harness.servers.container_state import end_of, remove
from harness.servers.engine import api_version, engine_address, engine_fault
from harness.servers.images import default_image
from harness.servers.owners import remove_orphans
from harness.servers.pulling import pull_if_missing
from harness.servers.readiness import wait_until_ready
from harness.servers.reaper import start_reaper_if_at_hand
from harness.servers.refusals import lost_port, refusal, refuse_ignored_gpus, refuse_other_platform
from harness.servers.remedies import engine_gone
from harness.servers.transfer import archive_of, engine_sees_our_files, transfer_mode

if TYPE_CHECKING:
    import os
    import subprocess

    from typing_extensions import Self

__all__ = ["GRPC_PORT", "REST_PORT", "TensorFlowServingContainer"]

_LOGGER = logging.getLogger(__name__)
GRPC_PORT = 8500
REST_PORT = 8501


class TensorFlowServingContainer(DockerContainer):  # type: ignore[misc] # testcontainers before 4.14 has no types
    """A container that serves SavedModels; ``start`` returns when every wanted version is available.

    Bad models fail at once (``--max_num_load_retries=0``), and a start that fails says why. The ports are published on
    the loopback interface if the engine runs on this machine. What testcontainers' ``DockerContainer`` offers holds
    here, too; ``with_command`` adds flags to the server, since the image's entry point takes its command for flags.

    Args:
        image: by tag or digest; None for ``tensorflow/serving`` of the installed tensorflow-serving-api's version.
        ready_timeout_s: how long every wanted version may take to become available.
        **kwargs: arguments of testcontainers' ``DockerContainer``.

    Raises:
        BackendUnavailableError: no Docker engine answers.
    """

    _container: Any
    _name: str | None
    ports: dict[str, Any]

    def __init__(self, image: str | None = None, *, ready_timeout_s: float = 120.0, **kwargs: Any) -> None:
        """Keep what is wanted; nothing is started yet."""
        fault = engine_fault()
        if fault:
            raise BackendUnavailableError(f"a container cannot run here: {fault}")
        self._address = engine_address()
        client = {"version": api_version(), **(kwargs.pop("docker_client_kw", None) or {})}
        super().__init__(default_image() if image is None else image, docker_client_kw=client, **kwargs)
        self.ready_timeout_s = ready_timeout_s
        self.command: tuple[str, ...] = ()
        self._models: list[ModelConfig] = []
        self._flags: list[str] = []
        self._transfer = "auto"
        self._shows_metrics = False
        self._folders: list[tuple[str, str]] = []
        self._directory: Path | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._may_exist = self._is_copied = False
        self.with_bind_ports(GRPC_PORT).with_bind_ports(REST_PORT)

    def with_model(self, name: str, base_path: str | os.PathLike[str], **config: Any) -> Self:
        """Serve the SavedModels under a base path, e.g. ``build/digits`` with ``build/digits/1/saved_model.pb``.

        Args:
            name: the servable's name.
            base_path: the directory that holds the version directories, on this machine.
            **config: further fields of ModelConfig: ``policy``, ``versions``, ``labels`` ...
        """
        self._models.append(ModelConfig(name=name, base_path=str(Path(base_path).absolute()), **config))
        return self

    def with_models(self, *models: ModelConfig) -> Self:
        """Serve these models; each base path is one on this machine."""
        self._models.extend(models)
        return self

    def with_flags(self, *flags: str) -> Self:
        """Pass flags to the server, e.g. ``--enable_batching``."""
        self._flags.extend(flags)
        return self

    def with_command(self, command: str | list[str]) -> Self:
        """Pass flags to the server, as testcontainers' modules call it; several in one text have spaces between."""
        return self.with_flags(*(command.split() if isinstance(command, str) else command))

    def with_metrics(self) -> Self:
        """Let the server show Prometheus metrics on its REST port; a ``--monitoring_config_file`` of yours stays."""
        self._shows_metrics = True
        return self

    def with_model_transfer(self, transfer: str) -> Self:
        """Get the models in by ``mount`` (read-only), by ``copy``, or by what suits engine and models (``auto``)."""
        self._transfer = transfer
        return self

    @property
    def transfer(self) -> str:
        """How the models get in: ``mount`` or ``copy``."""
        return transfer_mode(self._transfer, self._address, [model.base_path for model in self._models])

    def start(self) -> Self:
        """Start the container and return when every wanted version is available.

        Raises:
            BackendUnavailableError: the engine or the image cannot be had.
            StartupError: the server ended, a version failed to load, or the engine refused.
            NotReadyError: the deadline passed first.
            UsageError: there is no model to serve, or two have one name.
        """
        self.launch()
        try:
            self.wait_until_ready()
            strategy = getattr(self, "_wait_strategy", None)
            if strategy is not None:
                strategy.wait_until_ready(self)
        except BaseException:
            self.stop()
            raise
        return self

    def wait_until_ready(self) -> None:
        """Return when every wanted version is available, e.g. after ``relaunch``.

        Raises:
            StartupError: the server ended, or a version failed to load.
            NotReadyError: the deadline passed first.
        """
        choice = BackendChoice(name="container", reason="asked for")
        wait_until_ready(self, self._models, timeout_s=self.ready_timeout_s, choice=choice)

    def launch(self) -> Self:
        """Start the container without waiting for its models; first those are removed whose owner is gone.

        Raises:
            BackendUnavailableError: the image cannot be had.
            StartupError: the engine refused to start the container.
            UsageError: there is no model to serve, or two have one name.
        """
        if not self._models:
            raise UsageError("there is nothing to serve: name a model with with_model(NAME, BASE_PATH)")
        try:
            self._prepare()
            self._create_and_start()
        except RequestException as exc:
            self.stop()
            raise engine_gone(self.image, exc) from exc
        except BaseException:
            self.stop()
            raise
        return self

    def _prepare(self) -> None:
        """Settle name, flags, environment and folders, and set the guard."""
        client = self.get_docker_client().client
        remove_orphans(client, engine_is_here=engine_sees_our_files(self._address))
        self.env.setdefault("MODEL_BASE_PATH", MODELS)
        layout = self._layout()
        if not layout.needs_config:
            self.env.setdefault("MODEL_NAME", self._models[0].name)
        self._directory = scratch_directory() if layout.needs_files else None
        self.command = ("docker", "run", self.image, *layout.flags(self._directory, given=self._flags), *self._flags)
        self._folders = layout.folders(self._directory)
        if self._name is None:
            self._name = new_name(self._models)
        self._guard = guard.guard_container(self._name, engine=self._address, scratch=scratch_prefix())
        start_reaper_if_at_hand()
        for look_after in (pull_if_missing, refuse_other_platform):
            look_after(client, self.image, self._kwargs.get("platform"))

    def _create_and_start(self) -> None:
        """Create and start the container; a port of our choice that was lost to another process is chosen anew."""
        asked = dict(self.ports)
        for last in (False, False, True):
            self.ports = published(asked, self._address)
            try:
                self._create()
                self._container.start()
                break
            except DockerException as exc:
                if last or asked == self.ports or not lost_port(exc):
                    raise refusal(self.image, exc) from exc
                self._discard()
        refuse_unpublished(self._container, GRPC_PORT)

    def _create(self) -> None:
        self._is_copied = self.transfer == "copy"
        arguments = create_arguments(self, () if self._is_copied else self._folders)
        self._may_exist = True
        self._container = self.get_docker_client().client.containers.create(self.image, **arguments)
        if "device_requests" in arguments:
            refuse_ignored_gpus(self._container)
        if self._is_copied:
            self._copy_models_in()
        for one in getattr(self, "_transferable_specs", ()):
            self._transfer_into_container(*one)

    def _copy_models_in(self) -> None:
        with archive_of(self._folders) as archive:
            self._container.put_archive("/", archive)

    def relaunch(self) -> None:
        """End the server at once and start the same container again; copied models are copied anew.

        A version that is no longer on disk stays in a container that got copies.
        """
        with contextlib.suppress(APIError):  # it does not run
            self._container.kill()
        if self._is_copied:
            self._copy_models_in()
        self._container.restart(timeout=0)

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:  # noqa: FBT001, FBT002 - testcontainers' own
        """Remove the container at once: its bash as PID 1 passes no SIGTERM on (behaviour item 197)."""
        try:
            self._discard(force=force, v=delete_volume)
        finally:
            process, self._guard = self._guard, None
            if process is not None:
                guard.dismiss(process, all_removed=not self._may_exist)
            self.get_docker_client().client.close()
            directory, self._directory = self._directory, None
            if directory is not None:
                shutil.rmtree(directory, ignore_errors=True)

    def _discard(self, *, force: bool = True, v: bool = True) -> None:
        if self._container is None:
            return
        try:
            remove(self._container, force=force, v=v)
            self._may_exist = False
        except RequestException as exc:  # the engine has ended, and with it the container
            _LOGGER.warning("%s could not be removed, the next run will do it: %s", self._name, exc)
        self._container = None

    def addresses(self) -> tuple[str, str]:
        """Return the gRPC address ``host:port`` and the REST base URL as seen from this machine."""
        return self.get_grpc_address(), self.get_rest_url()

    def get_grpc_address(self) -> str:
        """Return ``host:port`` of the gRPC API."""
        return reached_at(self, GRPC_PORT, self._address)

    def get_rest_url(self) -> str:
        """Return the base URL of the REST API."""
        return f"http://{reached_at(self, REST_PORT, self._address)}"

    def base_path_of(self, model: ModelConfig) -> str:
        """Return where a model lies in the container, e.g. for the reload RPC."""
        names = [one.name for one in self._models]
        return self._layout().insides[names.index(model.name)]

    def _layout(self) -> ModelLayout:
        root = self.env.get("MODEL_BASE_PATH", MODELS).rstrip("/")
        return ModelLayout(models=self._models, root=root, shows_metrics=self._shows_metrics)

    def get_endpoint(self, model: str | None = None) -> Endpoint:
        """Return the endpoint of a model; None for the first."""
        grpc, rest = self.addresses()
        return Endpoint(grpc=grpc, rest=rest, model=self._models[0].name if model is None else model)

    def exit_text(self) -> str | None:
        """Return how the container ended, None while it runs."""
        container = self._container  # another thread may be stopping it
        return "stopped" if container is None else end_of(container)

    def log(self) -> str:
        """Return everything the container has written."""
        container = self._container
        try:
            return "" if container is None else bytes(container.logs()).decode(errors="replace")
        except (APIError, RequestException):  # removed by somebody else, or about to be; or the engine has ended
            return ""
