"""Classify, Regress and MultiInference on tf.Examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.prediction import Class, Classification, Regression

if TYPE_CHECKING:
    from harness import GrpcClient

pytestmark = pytest.mark.serving(model="half_plus_two")

EXAMPLES = [{"x": 1.0}, {"x": 2.0}]


def test_regress(client: Any) -> None:
    """Version 3 answers 0.5 x + 4 for each example."""
    np.testing.assert_allclose(client.regress(EXAMPLES, signature_name="regress_x_to_y").values, [4.5, 5.0])


def test_classify(client: Any) -> None:
    """Each example gets the class y with its value as the score."""
    answer = client.classify(EXAMPLES, signature_name="classify_x_to_y")
    assert answer.classes == ((Class("y", 4.5),), (Class("y", 5.0),))


def test_context_features_are_common_to_all_examples(client: Any) -> None:
    """A feature given once as context counts for every example."""
    values = client.regress([{}, {}], context={"x": 2.0}, signature_name="regress_x_to_y").values
    np.testing.assert_allclose(values, [5.0, 5.0])


def test_multi_inference_runs_both_signatures(grpc_client: GrpcClient) -> None:
    """One request brings a classification and a regression of the same examples."""
    answers = grpc_client.multi_inference(EXAMPLES, classify=["classify_x_to_y"], regress=["regress_x_to_y"])
    classification, regression = answers
    assert isinstance(classification, Classification)
    assert isinstance(regression, Regression)
    np.testing.assert_allclose([row[0].score for row in classification.classes], regression.values)
