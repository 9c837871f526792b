"""What every benchmark of a served model asks for: requests of several batch sizes, and the server's own usage."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fixtures.example_models import EXAMPLE_MODELS
from harness.checks import guess_inputs
from harness.load import ServerUsage
from harness.pytest_plugin.state import STATE
from harness.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Server
    from harness.pytest_plugin.servers import Servers


@pytest.fixture
def inputs_of_size(
    request: pytest.FixtureRequest, serving_model: str, server: Server, serving_servers: Servers
) -> Callable[[int], dict[str, np.ndarray]]:
    """A function that returns inputs of the default signature for a batch size."""
    own = serving_model in request.config.stash[STATE].own_models and serving_model in EXAMPLE_MODELS
    if own and serving_model == "digits":
        images, _ = importlib.import_module("models.digits").load_test_set()
        return lambda size: {"image": np.resize(images, (size, *images.shape[1:]))}
    asked = next(client for client in serving_servers.clients(server, serving_model) if client is not None)
    signature = asked.signatures().get(DEFAULT_SIGNATURE)
    if signature is None or signature.method_name != "tensorflow/serving/predict":
        pytest.skip(f"the model {serving_model!r} has no {DEFAULT_SIGNATURE} for Predict; it is what is measured")
    return lambda size: guess_inputs(signature, batch_size=size)


@pytest.fixture
def server_usage(server: Server) -> Callable[[], ServerUsage | None]:
    """A function that returns what the server has used so far, None where that cannot be known."""

    def usage() -> ServerUsage | None:
        cpu_us = server.cpu_time_us()
        return None if cpu_us is None else ServerUsage(cpu_us=cpu_us, peak_memory_bytes=server.peak_memory_bytes())

    return usage
