"""TensorFlowServingContainer: TensorFlow Serving in the style of testcontainers' modules; needs no pytest.

    with TensorFlowServingContainer().with_model("digits", "build/digits") as serving:
        requests.get(f"{serving.get_rest_url()}/v1/models/digits")

The image's contract: its entry point runs ``tensorflow_model_server --port=8500 --rest_api_port=8501
--model_name=$MODEL_NAME --model_base_path=$MODEL_BASE_PATH/$MODEL_NAME "$@"`` with MODEL_BASE_PATH=/models (behaviour
items 194, 195). So models lie at ``/models/NAME``, and the container's arguments are further flags.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, DockerException, NotFound
from docker.types import Mount
from testcontainers.core.container import DockerContainer
from testcontainers.core.labels import create_labels

from harness.endpoint import Endpoint
from harness.errors import UsageError
from harness.model_config import ModelConfig
from harness.servers import guard
from harness.servers.choice import BackendChoice
from harness.servers.command import CONFIG_FILE, fail_fast_flags, is_plain, model_flags
from harness.servers.container_state import end_of
from harness.servers.images import default_image, pull_if_missing
from harness.servers.owners import Owner
from harness.servers.ports import LOOPBACK, free_port
from harness.servers.readiness import wait_until_ready
from harness.servers.reaper import start_reaper_if_at_hand
from harness.servers.refusals import lost_port, refusal, refuse_ignored_gpus, refuse_other_platform
from harness.servers.transfer import archive_of, engine_address, engine_sees_our_files, host_of, transfer_mode

if TYPE_CHECKING:
    import subprocess

    from typing_extensions import Self

__all__ = ["GRPC_PORT", "REST_PORT", "TensorFlowServingContainer"]

GRPC_PORT = 8500
REST_PORT = 8501
MODELS = "/models"
CONFIG_DIRECTORY = "/tfserving-harness"


class TensorFlowServingContainer(DockerContainer):  # type: ignore[misc] # testcontainers before 4.14 has no types
    """A container that serves SavedModels; ``start`` returns when every wanted version is available.

    Bad models fail at once (``--max_num_load_retries=0``), and a start that fails says why. The ports are published on
    the loopback interface if the engine runs on this machine.

    Args:
        image: by tag or digest; None for ``tensorflow/serving`` of the installed tensorflow-serving-api's version.
        ready_timeout_s: how long every wanted version may take to become available.
        **kwargs: arguments of testcontainers' ``DockerContainer``.
    """

    _container: Any
    _name: str | None
    ports: dict[str, Any]

    def __init__(self, image: str | None = None, *, ready_timeout_s: float = 120.0, **kwargs: Any) -> None:
        """Keep what is wanted; nothing is started yet."""
        self._address = engine_address()
        super().__init__(default_image() if image is None else image, **kwargs)
        self.ready_timeout_s = ready_timeout_s
        self.command: tuple[str, ...] = ()
        self._models: list[ModelConfig] = []
        self._flags: list[str] = []
        self._transfer = "auto"
        self._directory: Path | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self.with_bind_ports(GRPC_PORT)
        self.with_bind_ports(REST_PORT)

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

    def with_model_transfer(self, transfer: str) -> Self:
        """Get the models in by ``mount`` (read-only), by ``copy``, or by what suits the engine (``auto``)."""
        self._transfer = transfer
        return self

    @property
    def transfer(self) -> str:
        """How the models get in: ``mount`` or ``copy``."""
        return transfer_mode(self._transfer, self._address)

    def start(self) -> Self:
        """Start the container and return when every wanted version is available.

        Raises:
            BackendUnavailableError: the engine or the image cannot be had.
            StartupError: the server ended, a version failed to load, or the engine refused.
            NotReadyError: the deadline passed first.
        """
        self.launch()
        try:
            choice = BackendChoice(name="container", reason="asked for")
            wait_until_ready(self, self._models, timeout_s=self.ready_timeout_s, choice=choice)
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self) -> Self:
        """Start the container without waiting for its models.

        Raises:
            BackendUnavailableError: the image cannot be had.
            StartupError: the engine refused to start the container.
            UsageError: there is no model to serve.
        """
        if not self._models:
            raise UsageError("there is nothing to serve: name a model with with_model(NAME, BASE_PATH)")
        self._directory = Path(tempfile.mkdtemp(prefix="tfserving-harness-"))
        asked = dict(self.ports)
        try:
            self._guard = guard.guard_container(self._prepare())
            for last in (False, False, True):
                self.ports = self._published(asked)
                try:
                    self._create()
                    self._container.start()
                    break
                except DockerException as exc:
                    if last or asked == self.ports or not lost_port(exc):
                        raise refusal(self.image, exc) from exc
                    self._discard()
        except BaseException:
            self.stop()
            raise
        return self

    def relaunch(self) -> None:
        """End the server at once and start the same container again, with its models as they are now."""
        self._container.restart(timeout=0)

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:  # noqa: FBT001, FBT002 - testcontainers' own
        """Remove the container at once: its bash as PID 1 passes no SIGTERM on (behaviour item 197)."""
        self._discard(force=force, v=delete_volume)
        process, self._guard = self._guard, None
        if process is not None:
            guard.dismiss(process)
        self.get_docker_client().client.close()
        directory, self._directory = self._directory, None
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)

    def _discard(self, *, force: bool = True, v: bool = True) -> None:
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(NotFound):
                _removed(container, force=force, v=v)

    def _prepare(self) -> str:
        """Settle flags and environment, and return the container's name."""
        self.command = ("docker", "run", self.image, *self._server_flags())
        self.env.setdefault("MODEL_NAME", self._models[0].name)
        if self._name is None:
            readable = "".join(char if char.isascii() and char.isalnum() else "-" for char in self._models[0].name)
            self._name = f"tfserving-{readable}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        return self._name

    def _published(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return where each port is published. An engine elsewhere must choose, and publish where we can reach it.

        Here it is a port of our own choice on the loopback interface: one of the engine's would change with a restart.
        """
        if not engine_sees_our_files(self._address):
            return asked
        return {port: (LOOPBACK, free_port() if here is None else here) for port, here in asked.items()}

    def _server_flags(self) -> tuple[str, ...]:
        if is_plain(self._models):
            return (*fail_fast_flags(), *self._flags)  # the entry point's own flags name the model
        inside = [replace(model, base_path=self.base_path_of(model)) for model in self._models]
        assert self._directory is not None  # noqa: S101 - made by launch
        on_host, in_container = str(self._directory / CONFIG_FILE), f"{CONFIG_DIRECTORY}/{CONFIG_FILE}"
        flags = model_flags(inside, self._directory)
        return (*(flag.replace(on_host, in_container) for flag in flags), *self._flags)

    def _create(self) -> None:
        start_reaper_if_at_hand()
        client = self.get_docker_client().client
        arguments = dict(self._kwargs)
        pull_if_missing(client, self.image, arguments.get("platform"))
        refuse_other_platform(client, self.image, arguments.get("platform"))
        if self._network is not None:
            arguments["network"] = self._network.name
        labels = {**arguments.pop("labels", {}), **Owner.me().labels()}
        folders = [(model.base_path, self.base_path_of(model)) for model in self._models]
        folders.append((str(self._directory), CONFIG_DIRECTORY))
        if self.transfer == "mount":  # not with_volume_mapping: one folder may hold two models
            mounts = [Mount(target=inside, source=here, type="bind", read_only=True) for here, inside in folders]
            arguments["mounts"] = [*arguments.get("mounts", []), *mounts]
        self._container = client.containers.create(
            self.image,
            command=list(self.command[3:]),
            name=self._name,
            environment=self.env,
            ports=self.ports,
            labels=create_labels(self.image, labels),
            volumes=self.volumes,
            **arguments,
        )
        if "device_requests" in arguments:
            refuse_ignored_gpus(self._container)
        if self.transfer == "copy":
            with archive_of(folders) as archive:
                self._container.put_archive("/", archive)

    def addresses(self) -> tuple[str, str]:
        """Return the gRPC address ``host:port`` and the REST base URL as seen from this machine."""
        return self.get_grpc_address(), self.get_rest_url()

    def get_grpc_address(self) -> str:
        """Return ``host:port`` of the gRPC API."""
        return self._reached_at(GRPC_PORT)

    def get_rest_url(self) -> str:
        """Return the base URL of the REST API."""
        return f"http://{self._reached_at(REST_PORT)}"

    def _reached_at(self, port: int) -> str:
        """Return where a port of the container is reached from here; testcontainers knows of engines elsewhere."""
        if engine_sees_our_files(self._address):
            return f"{LOOPBACK}:{self.ports[str(port)][1]}"
        client = self.get_docker_client()
        is_mapped = client.get_connection_mode().use_mapped_port
        host = host_of(self._address) or self.get_container_host_ip()
        return f"{host}:{client.port(self.get_container_id(), port) if is_mapped else port}"

    def base_path_of(self, model: ModelConfig) -> str:
        """Return where a model lies in the container, e.g. for the reload RPC."""
        return f"{MODELS}/{model.name}"

    def get_endpoint(self, model: str | None = None) -> Endpoint:
        """Return the endpoint of a model; None for the first."""
        grpc, rest = self.addresses()
        return Endpoint(grpc=grpc, rest=rest, model=self._models[0].name if model is None else model)

    def exit_text(self) -> str | None:
        """Return how the container ended, None while it runs."""
        return "stopped" if self._container is None else end_of(self._container)

    def log(self) -> str:
        """Return everything the container has written."""
        if self._container is None:
            return ""
        try:
            return bytes(self._container.logs()).decode(errors="replace")
        except APIError:  # removed by somebody else, or about to be
            return ""


def _removed(container: Any, **how: Any) -> None:
    """Remove a container; somebody else may be removing it at this moment."""
    try:
        container.remove(**how)
    except APIError as exc:
        if "is already in progress" not in str(exc):
            raise
        container.wait(condition="removed")
