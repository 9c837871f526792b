"""What the server refuses, and how the clients say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.errors import StatusError

if TYPE_CHECKING:
    from harness import GrpcClient

HALF_PLUS_TWO = pytest.mark.serving(model="half_plus_two")


def test_unknown_version_is_not_found(client: Any, requests_of_model: dict[str, dict[str, np.ndarray]]) -> None:
    """A version that is not loaded is NOT_FOUND, and the error says which was asked for."""
    inputs = next(iter(requests_of_model.values()))
    with pytest.raises(StatusError, match="4711") as caught:
        client.predict(inputs, version=4711)
    assert caught.value.code == "NOT_FOUND"
    assert "version=4711" in str(caught.value)


@HALF_PLUS_TWO
def test_grpc_casts_no_dtype(grpc_client: GrpcClient) -> None:
    """A float64 array for a float32 input is refused, with advice to convert it."""
    with pytest.raises(StatusError, match="to be float but double is provided") as caught:
        grpc_client.predict({"x": np.zeros(1, np.float64)})
    assert "astype" in str(caught.value)
