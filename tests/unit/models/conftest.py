"""The example models, exported once for all tests here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODELS = ("digits", "half_plus_two", "multi", "text")


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    """Return each example model's module in turn."""
    return importlib.import_module(f"models.{request.param}")


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], Path]:
    """Return a model's base path, exported at first use."""
    root = tmp_path_factory.mktemp("models")

    def base_path(module: Any) -> Path:
        target = root / module.NAME
        return target if target.exists() else module.export(target)

    return base_path


@pytest.fixture(scope="session")
def run(exported: Callable[[Any], Path]) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a signature of an exported model in TensorFlow, on NumPy arrays."""
    tf = pytest.importorskip("tensorflow")
    loaded: dict[str, Any] = {}

    def call(module: Any, signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        if module.NAME not in loaded:
            loaded[module.NAME] = tf.saved_model.load(str(exported(module) / "1"))
        outputs = loaded[module.NAME].signatures[signature](**{k: tf.constant(v) for k, v in inputs.items()})
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    return call
