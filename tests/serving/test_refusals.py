"""What the server refuses, and how the clients say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness import GrpcClient, RestClient
from harness.errors import StatusError

HALF_PLUS_TWO = pytest.mark.serving(model="half_plus_two")


def test_unknown_signature_is_refused(client: Any, requests_of_model: dict[str, dict[str, np.ndarray]]) -> None:
    """A signature the model does not have is an error that names it."""
    inputs = next(iter(requests_of_model.values()))
    with pytest.raises(StatusError, match="no_such_signature") as caught:
        client.predict(inputs, signature_name="no_such_signature")
    assert caught.value.code in {"FAILED_PRECONDITION", "INVALID_ARGUMENT"}


def test_unknown_version_is_not_found(client: Any, requests_of_model: dict[str, dict[str, np.ndarray]]) -> None:
    """A version that is not loaded is NOT_FOUND, and the error says which was asked for."""
    inputs = next(iter(requests_of_model.values()))
    with pytest.raises(StatusError, match="4711") as caught:
        client.predict(inputs, version=4711)
    assert caught.value.code == "NOT_FOUND"
    assert "version=4711" in str(caught.value)


def test_unknown_label_is_refused(client: Any, requests_of_model: dict[str, dict[str, np.ndarray]]) -> None:
    """A label that nobody assigned is an error that names it."""
    inputs = next(iter(requests_of_model.values()))
    with pytest.raises(StatusError, match="Unrecognized servable version label: no_such_label"):
        client.predict(inputs, label="no_such_label")


def test_unknown_model_is_not_found(client: Any, requests_of_model: dict[str, dict[str, np.ndarray]]) -> None:
    """A model that is not served is NOT_FOUND."""
    inputs = next(iter(requests_of_model.values()))
    elsewhere = replace(client.endpoint, model="no_such_model")
    kind = GrpcClient if client.api == "grpc" else RestClient
    with kind(elsewhere) as stranger, pytest.raises(StatusError, match="no_such_model") as caught:
        stranger.predict(inputs)
    assert caught.value.code == "NOT_FOUND"


@HALF_PLUS_TWO
def test_missing_input_is_refused(client: Any) -> None:
    """A request without the signature's input is INVALID_ARGUMENT."""
    with pytest.raises(StatusError) as caught:
        client.predict({"z": np.zeros(1, np.float32)})
    assert caught.value.code == "INVALID_ARGUMENT"


@HALF_PLUS_TWO
def test_grpc_casts_no_dtype(grpc_client: GrpcClient) -> None:
    """A float64 array for a float32 input is refused, with advice to convert it."""
    with pytest.raises(StatusError, match="to be float but double is provided") as caught:
        grpc_client.predict({"x": np.zeros(1, np.float64)})
    assert "astype" in str(caught.value)
