"""How the models and the server's flags are laid out in a container.

The image's contract: its entry point runs ``tensorflow_model_server --port=8500 --rest_api_port=8501
--model_name=$MODEL_NAME --model_base_path=$MODEL_BASE_PATH/$MODEL_NAME "$@"`` with MODEL_BASE_PATH=/models (behaviour
items 194, 195). So models lie at ``/models/NAME``, and the container's arguments are further flags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import StartupError
from harness.servers.command import fail_fast_flags, is_plain, metrics_flags, model_flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model_config import ModelConfig

__all__ = ["MODELS", "ModelLayout"]

MODELS = "/models"
_CONFIG_DIRECTORY = "/tfserving-harness"
_WORD = re.compile(r"\w[\w.-]*", re.ASCII)  # the entry point's bash would split or expand others


@dataclass(frozen=True, kw_only=True)
class ModelLayout:
    """Where each model lies in the container, and whether a config file names them.

    Attributes:
        models: with the base paths of this machine.
        root: the image's MODEL_BASE_PATH.
        shows_metrics: whether the server is to show metrics.
    """

    models: Sequence[ModelConfig]
    root: str = MODELS
    shows_metrics: bool = False

    def __post_init__(self) -> None:
        """Refuse what no engine could mount.

        Raises:
            StartupError: a base path is not there.
        """
        for model in self.models:
            if not Path(model.base_path).is_dir():
                raise StartupError(f"model {model.name}: {model.base_path} is not a directory on this machine")

    @property
    def needs_config(self) -> bool:
        """Whether the entry point's own flags cannot name the models."""
        return not is_plain(self.models) or not _WORD.fullmatch(self.models[0].name)

    @property
    def needs_files(self) -> bool:
        """Whether flags name files that the container must get besides the models."""
        return self.needs_config or self.shows_metrics

    @property
    def insides(self) -> tuple[str, ...]:
        """The base path of each model in the container."""
        names = [model.name if _WORD.fullmatch(model.name) else f"model-{i}" for i, model in enumerate(self.models)]
        return tuple(f"{self.root}/{name}" for name in names)

    def flags(self, directory: Path | None, *, given: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the flags that name the models, and those for metrics; writes the files that they name.

        Args:
            directory: where on this machine; None if no file is needed.
            given: the user's own flags.

        Raises:
            UsageError: two models have one name.
        """
        if directory is None:
            return fail_fast_flags()  # the entry point's own flags name the model
        flags = self._model_flags(directory) + (metrics_flags(given, directory) if self.shows_metrics else ())
        directory.chmod(0o755)  # the server may run as any user
        return tuple(flag.replace(f"={directory}/", f"={_CONFIG_DIRECTORY}/") for flag in flags)

    def _model_flags(self, directory: Path) -> tuple[str, ...]:
        if not self.needs_config:
            return fail_fast_flags()
        inside = [replace(model, base_path=path) for model, path in zip(self.models, self.insides, strict=True)]
        return model_flags(inside, directory, needs_config=True)

    def folders(self, directory: Path | None) -> list[tuple[str, str]]:
        """Return each folder that the container needs, as (path here, path there)."""
        models = [(model.base_path, inside) for model, inside in zip(self.models, self.insides, strict=True)]
        return models if directory is None else [*models, (str(directory), _CONFIG_DIRECTORY)]
