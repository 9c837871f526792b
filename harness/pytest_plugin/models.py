"""Which models a run serves: those of ``--model``, or else all of the repository's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.pytest_plugin.options import ServingConfig

__all__ = ["choose_models"]


def choose_models(
    config: ServingConfig, own: Mapping[str, Path | Callable[[], Path]]
) -> dict[str, Path | Callable[[], Path] | None]:
    """Return the source of each model to serve, by name.

    Args:
        config: the parsed options.
        own: what the repository's ``pytest_serving_models`` named.

    Returns:
        A path, a function that returns one, or None for a model that a running server is said to have.

    Raises:
        UsageError: a name without a path that nobody knows, or a path that does not exist.
    """
    if not config.models:
        return dict(own)
    chosen: dict[str, Path | Callable[[], Path] | None] = {}
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
