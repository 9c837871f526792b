"""Predictions end to end, over both APIs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from harness.checks import compare
from harness.checks.parity import rest_obstacle
from harness.dtypes import dtype_of_name

if TYPE_CHECKING:
    import numpy as np

    from harness import GrpcClient


def _predict_examples(model: str) -> list[Any]:
    version = {"version": 3} if model == "half_plus_two" else {}
    examples = importlib.import_module(f"models.{model}").examples(**version)
    return [example for example in examples if example.method == "predict"]


@pytest.mark.serving(models=["digits", "half_plus_two", "multi", "text"])
def test_predictions_are_those_computed_in_numpy(client: Any, serving_model: str) -> None:
    """Each example request brings the answer that NumPy computes."""
    for example in _predict_examples(serving_model):
        signature = client.signatures()[example.signature]
        if client.api == "rest" and rest_obstacle(signature):
            continue
        answer = client.predict(example.inputs, signature_name=example.signature)
        assert not compare(answer.outputs, example.outputs, rtol=example.rtol, atol=example.atol), example.name


def test_answers_keep_the_signature(client: Any, requests_of_model: dict[str, dict[str, np.ndarray]]) -> None:
    """Every output has the signature's dtype and fits its shape."""
    for name, inputs in requests_of_model.items():
        signature = client.signatures()[name]
        if client.api == "rest" and rest_obstacle(signature):
            continue
        answer = client.predict(inputs, signature_name=name)
        assert sorted(answer.outputs) == [spec.name for spec in signature.outputs]
        for spec in signature.outputs:
            output = answer.outputs[spec.name]
            assert output.dtype == dtype_of_name(spec.dtype).numpy
            if spec.shape is not None:
                assert len(output.shape) == len(spec.shape)
                assert all(want in (None, size) for size, want in zip(output.shape, spec.shape, strict=True))


@pytest.mark.serving(model="half_plus_two")
def test_answer_names_version_and_signature(grpc_client: GrpcClient) -> None:
    """A gRPC answer says which version and which signature gave it."""
    answer = grpc_client.predict({"x": [1.0, 2.0]})
    assert (answer.model, answer.model_version, answer.signature_name) == ("half_plus_two", 3, "serving_default")


@pytest.mark.serving(model="half_plus_two")
def test_output_filter_leaves_outputs_out(grpc_client: GrpcClient) -> None:
    """A request that asks for one output gets just that one."""
    assert list(grpc_client.predict({"x": [1.0]}, output_filter=["y"]).outputs) == ["y"]
