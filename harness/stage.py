"""Stage: further servers of a served model, for checks that need flags, versions or a crash of their own."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.scratch import scratch_directory
from harness.servers import start
from harness.servers.engine import engine_address
from harness.servers.transfer import transfer_mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from harness.model_config import ModelConfig
    from harness.servers import BackendChoice, Server, ServerSpec

__all__ = ["Stage"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Starts servers as one was started, with the same backend, image, flags and limits, on other ports.

    Attributes:
        spec: what the first server was started from.
        choice: the backend.
        model: the model under check, one of the spec's.
    """

    spec: ServerSpec
    choice: BackendChoice
    model: ModelConfig

    @classmethod
    def of(cls, server: Server, model: str) -> Stage | None:
        """Return the stage of a running server's model; None if the server is not ours to start again."""
        if server.backend.name == "external":
            return None
        (config,) = [one for one in server.spec.models if one.name == model]
        return cls(spec=server.spec, choice=server.backend, model=config)

    @property
    def sees_new_files(self) -> bool:
        """Whether a server notices what is written to its base path after its start: not if models are copied in."""
        if self.choice.name != "container":
            return True
        return transfer_mode(self.spec.container.model_transfer, engine_address()) == "mount"

    @contextmanager
    def server(
        self, *models: ModelConfig, args: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
    ) -> Iterator[Server]:
        """Serve until the block ends; ready when the block begins.

        Args:
            models: what to serve; the model under check if none is given.
            args: flags in addition to the first server's; of a flag that both have, these count.
            environment: variables in addition to the first server's.

        Raises:
            ServerError: the server did not become ready.
        """
        spec = replace(
            self.spec,
            models=models or (self.model,),
            args=(*self.spec.args, *args),
            environment={**self.spec.environment, **(environment or {})},
            container=replace(self.spec.container, network_alias=None),  # the name on a network is the first one's
            grpc_port=None,
            rest_port=None,
        )
        with start(spec, self.choice) as server:
            yield server

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield an empty folder that servers can read, for base paths; it is gone when the block ends."""
        folder = scratch_directory()
        try:
            folder.chmod(0o755)  # a container's server may run as another user
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def base_path(self) -> Iterator[Path]:
        """Yield an empty base path for versions that a check publishes; it is gone when the block ends."""
        with self.folder() as folder:
            base_path = folder / self.model.name
            base_path.mkdir()
            yield base_path
