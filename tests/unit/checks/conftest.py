"""Clients that answer what a test tells them, so that every check can be seen to fail."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.altering_proxy import altered
from fixtures.example_models import exported
from harness import Endpoint, GrpcClient, Prediction, RestClient, Signature, TensorSpec, serve
from harness.checks.opening import open_subject
from harness.errors import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np

    from harness import Server
    from harness.checks.subject import CheckOptions, Subject


class FakeClient:
    """A client of one API whose answers are functions of the inputs; it remembers the calls."""

    def __init__(
        self, api: str, signatures: Mapping[str, Signature], answer: Callable[..., dict[str, np.ndarray]]
    ) -> None:
        """Answer ``predict`` with ``answer(inputs, layout)``, and ``signatures`` with those given."""
        self.api = api
        self.endpoint = Endpoint(grpc="h:1", rest="http://h:2", model="m")
        self.answer = answer
        self.calls: list[str] = []
        self._signatures = dict(signatures)

    def predict(
        self, inputs: Any, *, signature_name: str = "serving_default", layout: str = "column", **_where: Any
    ) -> Prediction:
        """Answer as told."""
        self.calls.append(layout)
        outputs = self.answer(inputs, layout)
        return Prediction(model="m", model_version=7, signature_name=signature_name, outputs=outputs)

    def signatures(self) -> dict[str, Signature]:
        """Return the signatures as told."""
        return self._signatures

    def predict_url(self) -> str:
        """Return the URL of a real client."""
        return "http://h:2/v1/models/m:predict"


def _spec(name: str, dtype: str = "float32", shape: Any = (None, 2)) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape)


def _signature(inputs: Any = None, outputs: Any = None, name: str = "serving_default") -> Signature:
    return Signature(
        name=name,
        method_name="tensorflow/serving/predict",
        inputs=tuple(inputs or (_spec("x"),)),
        outputs=tuple(outputs or (_spec("y"),)),
    )


def _refuse(_inputs: Any, _layout: str) -> dict[str, np.ndarray]:
    raise StatusError("no model here", code="NOT_FOUND", target="h:1", api="grpc", request="predict model=m")


class _Named:
    """The helpers of this folder under one fixture: tests import nothing from each other."""

    client = FakeClient
    spec = staticmethod(_spec)
    signature = staticmethod(_signature)
    refuse = staticmethod(_refuse)


@pytest.fixture(scope="session")
def make() -> type[_Named]:
    """Give what tests build clients and signatures with."""
    return _Named


@pytest.fixture(scope="session")
def served_examples() -> Iterator[Server]:
    """A stand-in with the example models."""
    with serve({name: exported(name) for name in ("half_plus_two", "multi", "text")}, backend="standin") as server:
        yield server


@pytest.fixture
def opened(served_examples: Server) -> Iterator[Callable[..., Subject]]:
    """A function that returns the subject of a served example model, behind a proxy that alters answers if asked to.

    ``opened("half_plus_two", options, grpc_change=..., rest_change=...)``, see ``fixtures.altering_proxy``.
    """
    with ExitStack() as stack:

        def make(model: str, options: CheckOptions | None = None, **changes: Any) -> Subject:
            endpoint = served_examples.endpoint_of(model)
            if changes:
                endpoint = stack.enter_context(altered(endpoint, **changes))
            grpc = stack.enter_context(GrpcClient(endpoint))
            rest = stack.enter_context(RestClient(endpoint))
            return open_subject(served_examples, model, grpc=grpc, rest=rest, options=options)

        yield make
