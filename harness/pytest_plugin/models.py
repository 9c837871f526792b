"""Which models a run serves: those of ``--model``, or else all of the repository's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.pytest_plugin.options import ServingConfig

__all__ = ["Source", "choose_models", "read_own"]

Source = Path | Callable[[], Path] | None


def read_own(answer: Any) -> dict[str, Source]:
    """Return what the repository's ``pytest_serving_models`` named.

    Raises:
        UsageError: something else than paths, or functions, by name.
    """
    if answer is None:
        return {}
    if not isinstance(answer, Mapping):
        raise UsageError(f"pytest_serving_models returned {answer!r}; it should return a dict of paths by model name")
    own: dict[str, Source] = {}
    for name, source in answer.items():
        if not isinstance(name, str) or not (callable(source) or isinstance(source, str | Path)):
            raise UsageError(
                f"pytest_serving_models named {name!r}: {source!r}; it should be a model's name with its path, or with"
                " a function that returns the path"
            )
        own[name] = source if callable(source) else Path(source)
    return own


def choose_models(config: ServingConfig, own: Mapping[str, Source]) -> dict[str, Source]:
    """Return the source of each model to serve, by name.

    Args:
        config: the parsed options.
        own: what the repository's ``pytest_serving_models`` named.

    Returns:
        A path, a function that returns one, or None for a model that a running server is said to have.

    Raises:
        UsageError: a name without a path that nobody knows, or a path that does not exist.
    """
    chosen = _chosen(config, own) if config.models else dict(own)
    for name in config.checks.examples:
        if name not in chosen:
            known = ", ".join(chosen) or "none"
            raise UsageError(f"--serving-examples {name}: this run serves no model of that name (it serves: {known})")
    return chosen


def _chosen(config: ServingConfig, own: Mapping[str, Source]) -> dict[str, Source]:
    """Return the source of each model of ``--model``."""
    chosen: dict[str, Source] = {}
    for name, path in config.models.items():
        if path is not None and not path.exists():
            raise UsageError(f"--model {name}={path}: there is no such path; give the directory that holds the model")
        chosen[name] = path if path is not None else own.get(name)
        if chosen[name] is None and config.external is None:
            known = ", ".join(own) or "none"
            raise UsageError(
                f"--model {name}: no path, and this repository has no model of that name (it has: {known});"
                f" give --model {name}=PATH"
            )
    return chosen
