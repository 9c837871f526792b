"""ModelConfig: one entry of a server's model config, for start-up files and for the reload RPC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ModelConfig", "to_proto", "to_text"]

_POLICIES = ("latest", "all", "specific")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Name, base path, version policy and labels of one model.

    Attributes:
        name: the servable's name.
        base_path: absolute path, as the server sees it, of the directory that holds the version directories.
        policy: ``latest`` (the highest numbers), ``all``, or ``specific``.
        num_versions: how many versions ``latest`` keeps.
        versions: the numbers that ``specific`` serves.
        labels: version number by label; several labels may name one version. The server refuses labels in its
            start-up config unless it runs with ``--allow_version_labels_for_unavailable_models`` (behaviour item 107).

    Raises:
        UsageError: an unknown policy, or settings that the policy does not look at.
    """

    name: str
    base_path: str
    policy: Literal["latest", "all", "specific"] = "latest"
    num_versions: int = 1
    versions: tuple[int, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what the server would read differently from what was meant."""
        if self.policy not in _POLICIES:
            raise UsageError(f"model {self.name!r}: {self.policy!r} is no version policy; give {', '.join(_POLICIES)}")
        if (self.policy == "specific") != bool(self.versions):
            raise UsageError(
                f"model {self.name!r}: policy {self.policy!r} with versions {list(self.versions)}:"
                " give versions with policy 'specific', and only with it"
            )
        if self.num_versions < 1:
            raise UsageError(f"model {self.name!r}: num_versions is {self.num_versions}, but must be at least 1")
        if self.num_versions != 1 and self.policy != "latest":
            raise UsageError(
                f"model {self.name!r}: num_versions={self.num_versions} means nothing with policy {self.policy!r};"
                " only 'latest' counts versions"
            )


def to_proto(models: Iterable[ModelConfig]) -> Any:
    """Return a ModelServerConfig with these models.

    Raises:
        UsageError: a name is listed twice (the server refuses that, behaviour item 101).
    """
    from harness.protos import model_server_config_pb2

    server_config = model_server_config_pb2.ModelServerConfig()
    server_config.model_config_list.SetInParent()  # an empty list is a valid config: it unloads every model
    seen = set()
    for model in models:
        if model.name in seen:
            raise UsageError(f"model {model.name!r} is configured twice; give each model a name of its own")
        seen.add(model.name)
        _fill(server_config.model_config_list.config.add(), model)
    return server_config


def _fill(config: Any, model: ModelConfig) -> None:
    config.name = model.name
    config.base_path = model.base_path
    config.model_platform = "tensorflow"
    policy = config.model_version_policy
    if model.policy == "all":
        policy.all.SetInParent()
    elif model.policy == "specific":
        policy.specific.versions.extend(model.versions)
    else:
        policy.latest.num_versions = model.num_versions
    for label, version in model.labels.items():
        config.version_labels[label] = version


def to_text(models: Iterable[ModelConfig]) -> str:
    """Return the text proto that ``--model_config_file`` reads."""
    from google.protobuf import text_format

    return str(text_format.MessageToString(to_proto(models)))
