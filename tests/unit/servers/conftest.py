"""A SavedModel that the stand-in can load, and a small server program for what needs no TensorFlow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.example_models import exported
from harness.model_config import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.servers import ServerSpec


@pytest.fixture(scope="session")
def half_plus_two() -> ModelConfig:
    """The exported half_plus_two, with versions 1, 2 and 3."""
    return ModelConfig(name="half_plus_two", base_path=str(exported("half_plus_two")))


@pytest.fixture
def quick_server(tmp_path: Path) -> Callable[[str], Path]:
    """A function that writes an executable Python program, to stand for a server binary."""

    def write(body: str) -> Path:
        path = tmp_path / "quick_server"
        path.write_text(f"#!{sys.executable} -S\nimport sys, time, os, signal\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def spec_of(half_plus_two: ModelConfig) -> Callable[..., ServerSpec]:
    """A function that returns a spec of half_plus_two."""
    from harness.servers import ServerSpec

    def make(**fields: object) -> ServerSpec:
        return ServerSpec(**{"models": (half_plus_two,), "ready_timeout_s": 30.0, **fields})  # type: ignore[arg-type]

    return make
