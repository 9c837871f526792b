"""Clients that answer what a test tells them, so that every check can be seen to fail."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.altering_proxy import altered
from fixtures.example_models import exported
from fixtures.odd_model import odd_model
from fixtures.quick_standin import QuickStage, started
from harness import Endpoint, GrpcClient, Prediction, RestClient, Signature, TensorSpec, serve
from harness.checks.catalogue import choose_checks, run_check
from harness.checks.opening import open_subject
from harness.errors import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np

    from harness import Server
    from harness.checks.subject import CheckOptions, Subject
    from harness.findings import Finding


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
        self, inputs: Any, *, signature_name: str = "serving_default", layout: str = "column", **_: Any
    ) -> Prediction:
        """Answer as told."""
        self.calls.append(layout)
        outputs = self.answer(inputs, layout)
        return Prediction(model="m", model_version=7, signature_name=signature_name, outputs=outputs)

    def signatures(self) -> dict[str, Signature]:
        """Return the signatures as told."""
        return self._signatures

    def predict_url(self, **_: Any) -> str:
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
def failing() -> Callable[..., dict[str, list[Finding]]]:
    """A function that runs checks of a subject and returns the findings that fail, by the name of their check."""

    def run(subject: Subject, *names: str) -> dict[str, list[Finding]]:
        checks = choose_checks(names, option="the test's names")
        found = {check.name: [one for one in run_check(check, subject) if one.fails] for check in checks}
        return {name: findings for name, findings in found.items() if findings}

    return run


@pytest.fixture(scope="session")
def served_examples() -> Iterator[Server]:
    """A stand-in with the example models, and one with what the checks look for."""
    models = {name: exported(name) for name in ("half_plus_two", "multi", "text")}
    with serve({**models, "odd": odd_model()}, backend="standin") as server:
        yield server


@pytest.fixture(scope="session")
def quick_server(served_examples: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A quick server with half_plus_two, and the folder of its faults' switches."""
    model = next(one for one in served_examples.spec.models if one.name == "half_plus_two")
    folder = tmp_path_factory.mktemp("quick")
    with started(folder, model) as server:
        yield server, folder


@pytest.fixture
def on_quick_stage(
    opened: Callable[..., Subject], quick_server: tuple[Server, Path], request: pytest.FixtureRequest
) -> Callable[..., Subject]:
    """A function that returns half_plus_two under check, with a stage whose servers are quick, and have faults.

    ``on_quick_stage(faults=("never looks",), limit_s=..., grpc_change=...)``, see ``fixtures.quick_standin``. The model
    is called ``m_`` and the test's name, without ``test_``.
    """

    def make(*, limit_s: float = 30.0, grpc_change: Any = None, rest_change: Any = None, **fields: Any) -> Subject:
        altering = {"grpc_change": grpc_change, "rest_change": rest_change}
        changes = {name: change for name, change in altering.items() if change is not None}
        stage = QuickStage.of_server(*quick_server, limit_s=limit_s, changes=changes, **fields)
        name = re.sub(r"\W+", "_", request.node.name.replace("test_", "m_"))
        return replace(opened("half_plus_two", only="serving_default"), model=name, stage=stage)

    return make


@pytest.fixture
def opened(served_examples: Server) -> Iterator[Callable[..., Subject]]:
    """A function that returns the subject of a served example model, behind a proxy that alters answers if asked to.

    ``opened("half_plus_two", options, grpc_change=..., rest_change=...)``, see ``fixtures.altering_proxy``; ``only``
    names the one signature that is asked.
    """
    with ExitStack() as stack:

        def make(
            model: str, options: CheckOptions | None = None, *, only: str | None = None, **changes: Any
        ) -> Subject:
            endpoint = served_examples.endpoint_of(model)
            if changes:
                endpoint = stack.enter_context(altered(endpoint, **changes))
            grpc = stack.enter_context(GrpcClient(endpoint))
            rest = stack.enter_context(RestClient(endpoint))
            subject = open_subject(served_examples, model, grpc=grpc, rest=rest, options=options)
            requests = tuple(one for one in subject.requests if only in {None, one.signature_name})
            return replace(subject, requests=requests)

        yield make
