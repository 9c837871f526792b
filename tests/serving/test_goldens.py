"""Recorded answers: what a model answered once, it answers still.

``goldens/NAME/CASE.json`` at the repository's root holds inputs, outputs, tolerance and provenance of one request.
``pytest tests/serving/test_goldens.py --update-goldens`` records them anew over gRPC, which carries every dtype: for
the example models from their examples, for any other model from inputs that fit its signatures.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.example_models import EXAMPLE_MODELS
from harness.checks import check_golden, read_goldens, record_golden, write_golden
from harness.checks.parity import rest_obstacle
from harness.pytest_plugin.state import STATE
from harness.surroundings import tool_versions

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from harness import GrpcClient, Server
    from harness.checks import Golden
    from harness.pytest_plugin.options import ServingConfig

GOLDENS = Path(__file__).parents[2] / "goldens"


def _cases(own: bool, model: str, requests: dict[str, dict[str, np.ndarray]]) -> list[tuple[str, str, Any, Any]]:  # noqa: FBT001 - a tuple's part
    """Return name, signature, inputs and tolerance of each case to record."""
    if not own:
        return [(name, name, inputs, {}) for name, inputs in requests.items()]
    examples = importlib.import_module(f"models.{model}").examples()
    return [
        (re.sub(r"\W+", "_", one.name), one.signature, one.inputs, {"rtol": one.rtol, "atol": one.atol})
        for one in examples
        if one.method == "predict"
    ]


def _record(client: GrpcClient, server: Server, cases: list[tuple[str, str, Any, Any]]) -> list[Golden]:
    versions = tool_versions()
    origin = {"backend": server.backend.name, "recorded_over": "grpc", "harness": versions["harness"]}
    origin |= {"image": server.engine.image} if server.engine.image else {"tensorflow": versions["tensorflow"]}
    return [
        replace(
            record_golden(client, name, inputs, signature_name=signature, provenance=origin),
            **tolerance,
        )
        for name, signature, inputs, tolerance in cases
    ]


def test_recorded_answers_still_hold(
    request: pytest.FixtureRequest,
    client: Any,
    server: Server,
    serving_model: str,
    serving_config: ServingConfig,
    requests_of_model: dict[str, dict[str, np.ndarray]],
    record_finding: Callable[[Any], None],
) -> None:
    """Every recorded request brings the recorded answer, over each API that can carry it."""
    own = serving_model in request.config.stash[STATE].own_models and serving_model in EXAMPLE_MODELS
    folder = GOLDENS / serving_model
    if serving_config.checks.update_goldens:
        if client.api == "rest":
            pytest.skip("goldens are recorded over gRPC")
        recorded = _record(client, server, _cases(own, serving_model, requests_of_model))
        written = {write_golden(golden, folder) for golden in recorded}
        for stale in set(folder.glob("*.json")) - written:
            stale.unlink()
    goldens = read_goldens(folder)
    if not goldens:
        pytest.skip(f"no goldens of {serving_model!r} in {folder.name}/; record them with --update-goldens")
    signatures = client.signatures()
    sendable = [one for one in goldens if client.api == "grpc" or not rest_obstacle(signatures[one.signature_name])]
    if not sendable:
        pytest.skip("REST cannot carry the dtypes of any golden")
    record_finding([check_golden(client, golden) for golden in sendable])
