"""The server's command line: one launcher for the genuine binary, the stand-in and the image's entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model_config import ModelConfig, to_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "CONFIG_FILE",
    "METRICS_FLAG",
    "OWN_FLAGS",
    "fail_fast_flags",
    "is_plain",
    "metrics_flags",
    "model_flags",
    "port_flags",
]

CONFIG_FILE = "models.config"
METRICS_FLAG = "--monitoring_config_file"
_METRICS_FILE = "monitoring.config"
_METRICS_ON = "prometheus_config { enable: true }\n"
OWN_FLAGS = ("--port", "--rest_api_port")  # another value of these, and the server would be looked for in vain


def port_flags(grpc_port: int, rest_port: int) -> tuple[str, ...]:
    """Return the flags for both ports; REST is off without its flag (behaviour item 1)."""
    return (f"--port={grpc_port}", f"--rest_api_port={rest_port}")


def fail_fast_flags() -> tuple[str, ...]:
    """Return the flags that make a bad model fail at once; the default retries for five minutes (behaviour item 18)."""
    return ("--max_num_load_retries=0",)


def is_plain(models: Sequence[ModelConfig]) -> bool:
    """Whether name and base path say it all, so that no model config file is needed."""
    return len(models) == 1 and models[0] == ModelConfig(name=models[0].name, base_path=models[0].base_path)


def model_flags(models: Sequence[ModelConfig], directory: Path, *, needs_config: bool = False) -> tuple[str, ...]:
    """Return the flags that name the models; writes a model config file into ``directory`` where one is needed."""
    if is_plain(models) and not needs_config:
        model = models[0]
        return (f"--model_name={model.name}", f"--model_base_path={model.base_path}", *fail_fast_flags())
    path = directory / CONFIG_FILE
    path.write_text(to_text(models))
    labels = any(model.labels for model in models)
    allow = ("--allow_version_labels_for_unavailable_models",) if labels else ()
    return (f"--model_config_file={path}", *fail_fast_flags(), *allow)


def metrics_flags(args: Sequence[str], directory: Path) -> tuple[str, ...]:
    """Return the flag that makes a server show metrics (behaviour item 190), none if the user's own flags say it.

    Args:
        args: the user's flags.
        directory: gets the file that the flag names.
    """
    if any(flag.partition("=")[0] == METRICS_FLAG for flag in args):
        return ()
    path = directory / _METRICS_FILE
    path.write_text(_METRICS_ON)
    return (f"{METRICS_FLAG}={path}",)
