"""The hook by which a repository names its own models, so that ``--model`` need not be typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["pytest_serving_models"]


@pytest.hookspec(firstresult=True)
def pytest_serving_models(config: pytest.Config) -> Mapping[str, str | Path | Callable[[], Path]] | None:
    """Return the models that are served when no ``--model`` is given.

    The names are needed when tests are collected; a callable value is called when the first server starts, so that
    exporting (and importing TensorFlow) waits until then.

    Args:
        config: pytest's configuration.

    Returns:
        By model name, the base path, or a function without arguments that returns it.
    """
