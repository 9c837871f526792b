"""Clients whose signatures a test tells them, and requests to those."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import Endpoint, GrpcClient, RestClient, Signature, TensorSpec
from harness.checks.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _spec(name: str, dtype: str = "float32", shape: Any = (None, 2)) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape)


def _signature(name: str, method: str, *inputs: TensorSpec) -> Signature:
    return Signature(name=name, method_name=f"tensorflow/serving/{method}", inputs=inputs, outputs=(_spec("y"),))


_TEXT = _spec("inputs", "string", (None,))
SIGNATURES = {
    one.name: one
    for one in (
        _signature("serving_default", "predict", _spec("x")),
        _signature("fixed", "predict", _spec("x", shape=(1, 2))),
        _signature("half", "predict", _spec("x", "float16")),
        _signature("classes", "classify", _TEXT),
        _signature("value", "regress", _TEXT),
    )
}


class _Named:
    """The helpers of this folder under one fixture: tests import nothing from each other."""

    signatures = SIGNATURES

    @staticmethod
    def predict(*rows: float, signature: str = "serving_default", dtype: str = "float32") -> Request:
        """Return a request with a row ``[value, value]`` for each value."""
        array = np.repeat(np.array(rows, dtype)[:, None], 2, axis=1)
        return Request(signature_name=signature, inputs={"x": array})

    @staticmethod
    def examples(*values: float, method: Any = "classify") -> Request:
        """Return a request with an example for each value."""
        name = {"classify": "classes", "regress": "value"}[method]
        return Request(signature_name=name, method=method, examples=tuple({"x": [value]} for value in values))


@pytest.fixture(scope="session")
def make() -> type[_Named]:
    """Give what tests build requests with."""
    return _Named


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """A function that returns the genuine client of an API, of a model that is not there, with the signatures above."""
    with ExitStack() as stack:

        def of(api: str) -> GrpcClient | RestClient:
            endpoint = Endpoint(grpc="127.0.0.1:1", rest="http://127.0.0.1:1", model="m", version=7)
            made = stack.enter_context(GrpcClient(endpoint) if api == "grpc" else RestClient(endpoint))
            monkeypatch.setattr(made, "signatures", lambda **_: SIGNATURES)
            return made

        yield of
