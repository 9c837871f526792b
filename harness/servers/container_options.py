"""What a container may be given beyond its image, flags and environment: processors, memory, GPUs, network, platform.

One table names every option for both command lines (``--serving-NAME`` of pytest, ``--NAME`` of tfserving-harness).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CONTAINER_OPTIONS", "TRANSFERS", "ContainerOptions", "parse_environment"]

TRANSFERS = ("auto", "mount", "copy")
# (option without its prefix, field, help); each may be given once on a command line.
CONTAINER_OPTIONS = (
    ("model-transfer", "model_transfer", "how a container gets the models: auto, mount or copy (default: auto)"),
    ("gpus", "gpus", "GPUs of the container: all, a count, or device ids with commas between"),
    ("cpus", "cpu_set", "processors of the container, e.g. 0-3 or 0,2"),
    ("memory", "memory", "memory limit of the container, e.g. 512m or 2g"),
    ("network", "network", "network of the container"),
    ("network-alias", "network_alias", "the container's name on that network"),
    ("platform", "platform", "platform of the image, e.g. linux/amd64"),
)
_MEMORY = re.compile(r"\d+[bkmg]?", re.IGNORECASE)
_CPU_SET = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


@dataclass(frozen=True, kw_only=True)
class ContainerOptions:
    """Limits and surroundings of a container.

    Attributes:
        model_transfer: ``mount`` the model directories read-only, ``copy`` them in, or ``auto``: mount where the engine
            surely sees the same files, else copy.
        gpus: ``all``, a count, or device ids with commas between; None for none.
        cpu_set: processors it may use, e.g. ``0-3``; None for all.
        memory: memory limit, swap included, e.g. ``512m``; None for none.
        network: name of an existing network; None for the engine's default.
        network_alias: a name for the container on that network.
        platform: e.g. ``linux/amd64``; None for the engine's choice.
    """

    model_transfer: str = "auto"
    gpus: str | None = None
    cpu_set: str | None = None
    memory: str | None = None
    network: str | None = None
    network_alias: str | None = None
    platform: str | None = None

    def __post_init__(self) -> None:
        """Refuse what an engine could only refuse later, in its own words."""
        if self.model_transfer not in TRANSFERS:
            raise UsageError(f"model transfer {self.model_transfer!r} is unknown; there are {', '.join(TRANSFERS)}")
        if self.memory is not None and not _MEMORY.fullmatch(self.memory):
            raise UsageError(f"memory limit {self.memory!r} is not a size; give e.g. 512m or 2g")
        if self.cpu_set is not None and not _CPU_SET.fullmatch(self.cpu_set):
            raise UsageError(f"processors {self.cpu_set!r} are not a set; give e.g. 0-3 or 0,2")
        if self.network_alias is not None and self.network is None:
            raise UsageError(f"network alias {self.network_alias!r} needs the network it is an alias on")

    @classmethod
    def from_options(cls, given: Mapping[str, str | None]) -> ContainerOptions:
        """Return the options of a command line; what was not given keeps its default.

        Raises:
            UsageError: a value that cannot be used.
        """
        return cls(**{name: value for name, value in given.items() if value is not None})

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the fields that differ from their defaults."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) != field.default)

    def engine_arguments(self) -> dict[str, Any]:
        """Return the arguments of ``docker.DockerClient.containers.create`` that say the same."""
        from docker.types import EndpointConfig

        arguments: dict[str, Any] = {
            "cpuset_cpus": self.cpu_set,
            "mem_limit": self.memory,
            "memswap_limit": self.memory,
            "network": self.network,
            "platform": self.platform,
        }
        if self.network is not None and self.network_alias is not None:
            arguments["networking_config"] = {self.network: EndpointConfig("1.41", aliases=[self.network_alias])}
        if self.gpus is not None:
            arguments["device_requests"] = [_gpu_request(self.gpus)]
        return {name: value for name, value in arguments.items() if value is not None}


def _gpu_request(text: str) -> Any:
    from docker.types import DeviceRequest

    capabilities = [["gpu"]]
    if text == "all":
        return DeviceRequest(count=-1, capabilities=capabilities)
    if text.isdigit():
        return DeviceRequest(count=int(text), capabilities=capabilities)
    return DeviceRequest(device_ids=text.split(","), capabilities=capabilities)


def parse_environment(texts: Iterable[str], option: str) -> dict[str, str]:
    """Return environment variables from ``NAME=VALUE`` texts.

    Raises:
        UsageError: another form.
    """
    variables = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"{option} {text!r} should be NAME=VALUE, e.g. {option}=TF_CPP_MIN_VLOG_LEVEL=1")
        variables[name] = value
    return variables
