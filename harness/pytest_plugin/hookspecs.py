"""The hooks by which a repository names its own models and what to ask them, so that no option need be typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from harness.checks.request import Request

__all__ = ["pytest_serving_models", "pytest_serving_requests"]


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


@pytest.hookspec(firstresult=True)
def pytest_serving_requests(config: pytest.Config, model: str) -> Iterable[Request] | None:
    """Return what the built-in checks ask a model, instead of values made up to fit its signatures.

    A request with a name is recorded under that name by ``--update-goldens``; its ``source`` says where it comes from.

    Args:
        config: pytest's configuration.
        model: the model's name.

    Returns:
        The requests, or None for a model that this repository knows nothing to ask.
    """
