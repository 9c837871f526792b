"""The example models, exported once for all tests here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODELS = ("commodity", "digits", "half_plus_two", "multi", "text")


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
def run(exported: Callable[[Any], Path]) -> Iterator[Callable[..., dict[str, Any]]]:
    """Return a function that runs a signature of an exported model on NumPy arrays.

    It loads as a server does, into a session: tf.saved_model.load also puts together what a server cannot.
    """
    tf = pytest.importorskip("tensorflow")
    loaded: dict[str, tuple[Any, Any]] = {}

    def load(module: Any) -> tuple[Any, Any]:
        directory = str(exported(module) / "1")
        session = tf.compat.v1.Session(graph=tf.Graph())
        with session.graph.as_default():
            graph = tf.compat.v1.saved_model.load(session, ["serve"], directory)
        return session, graph.signature_def

    def call(module: Any, signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        if module.NAME not in loaded:
            loaded[module.NAME] = load(module)
        session, signatures = loaded[module.NAME]
        infos = signatures[signature]
        fetches = {name: info.name for name, info in infos.outputs.items()}
        result: dict[str, Any] = session.run(fetches, {infos.inputs[name].name: inputs[name] for name in inputs})
        return result

    yield call
    for session, _ in loaded.values():
        session.close()
