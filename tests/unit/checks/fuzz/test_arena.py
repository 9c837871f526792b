"""Fuzzing a server of the check's own, which may end."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from fixtures.altering_proxy import HangUp, Refusal, altered
from harness.checks.fuzz import check
from harness.checks.subject import CheckOptions
from harness.errors import StartupError
from harness.protos import predict_pb2
from harness.tensors import from_proto

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Endpoint
    from harness.checks.subject import Subject
    from harness.findings import Finding

_OPTIONS = CheckOptions(fuzz_examples=5, seed=3)


def _inputs(request: bytes) -> dict[str, np.ndarray]:
    """Return the inputs of a Predict request, as far as they can be read."""
    inputs = predict_pb2.PredictRequest.FromString(request).inputs
    return {name: from_proto(tensor) for name, tensor in inputs.items()}


@dataclass
class _Server:
    """A server that ends when a request is too much for it, and then answers no one any more."""

    endpoint: Endpoint
    is_too_much: Callable[[dict[str, np.ndarray]], bool]
    is_running: bool = True
    engine: Any = field(default_factory=lambda: SimpleNamespace(exit_text=lambda: "killed by SIGSEGV"))

    def endpoint_of(self, _model: str) -> Endpoint:
        return self.proxied

    def log(self) -> str:
        return "I0000 all is well\nF0000 Check failed: x is a number\n    @ 0x1 main\n    @ 0x2 start"

    def peak_memory_bytes(self) -> int:
        return 7_000_000

    def _refuse_if_ended(self) -> None:
        if not self.is_running:
            raise HangUp

    def grpc_change(self, method: str, request: bytes, reply: bytes) -> bytes:
        if method.endswith("/Predict") and self.is_too_much(_inputs(request)):
            self.is_running = False
        self._refuse_if_ended()
        return reply

    def grpc_error_change(self, _method: str, _request: bytes, code: grpc.StatusCode, details: str) -> bytes:
        self._refuse_if_ended()
        raise Refusal(code, details)

    def rest_change(self, _path: str, _body: bytes, status: int, content: bytes) -> tuple[int, bytes]:
        self._refuse_if_ended()
        return status, content

    @contextmanager
    def running(self) -> Iterator[_Server]:
        changes = {"grpc_change": self.grpc_change, "grpc_error_change": self.grpc_error_change}
        with altered(self.endpoint, rest_change=self.rest_change, **changes) as self.proxied:
            yield self


@dataclass
class _Stage:
    """Starts such servers, and counts them."""

    endpoint: Endpoint
    is_too_much: Callable[[dict[str, np.ndarray]], bool] = lambda _: False
    args: tuple[str, ...] = ()
    most: int = 100
    started: int = 0

    @property
    def spec(self) -> Any:
        return SimpleNamespace(args=self.args)

    @contextmanager
    def server(self) -> Iterator[_Server]:
        self.started += 1
        if self.started > self.most:
            raise StartupError("no more of them")
        with _Server(self.endpoint, self.is_too_much).running() as server:
            yield server


@pytest.fixture
def staged(opened: Callable[..., Subject]) -> Callable[..., tuple[_Stage, list[Finding]]]:
    """A function that fuzzes an example model on servers of a stage, and returns the stage and the findings."""

    def run(model: str = "half_plus_two", **parts: Any) -> tuple[_Stage, list[Finding]]:
        subject = opened(model, _OPTIONS)
        predicting = {key: one for key, one in subject.signatures.items() if one.method_name.endswith("predict")}
        subject = replace(subject, signatures=predicting)
        assert subject.grpc is not None
        stage = _Stage(subject.grpc.endpoint, **parts)
        return stage, check(replace(subject, stage=stage))

    return run


def _failed(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.passed]


def _told(findings: list[Finding]) -> str:
    return "\n".join(f"{finding.subject}: {finding.seen}" for finding in findings)


def _has_nan(inputs: dict[str, np.ndarray]) -> bool:
    return any(array.dtype == np.float32 and bool(np.isnan(array).any()) for array in inputs.values())


def test_a_sound_model_is_fuzzed_on_a_server_of_its_own(staged: Any) -> None:
    """One server is started for it; its memory is told."""
    stage, findings = staged()
    assert stage.started == 1
    assert _failed(findings) == []
    assert "answered as before; the server's highest memory went from 7 MB to 7 MB" in _told(findings)


def test_a_crash_is_shrunk_on_fresh_servers(staged: Any) -> None:
    """The smallest request that ends the server is brought, with how it ended and what it said of the reason."""
    stage, findings = staged(is_too_much=_has_nan)
    (finding,) = _failed(findings)
    assert finding.fails
    assert finding.subject == "serving_default over gRPC, requests that fit"
    reason, _, example = finding.seen.partition("\n  the smallest such request found: ")
    assert reason == "the server ended (killed by SIGSEGV); last it said: F0000 Check failed: x is a number"
    assert example.startswith("x: float32 [")
    assert "nan" in example
    assert 2 <= stage.started <= 1 + 6
    assert "known requests afterwards: " in _told(findings)


def test_a_server_that_starts_no_more_is_lost(staged: Any) -> None:
    """If no fresh server starts, the crash is told and the rest is left out."""
    _, findings = staged(is_too_much=_has_nan, most=1)
    (finding,) = _failed(findings)
    assert "the server ended (killed by SIGSEGV)" in finding.seen
    assert "whatever else there was to ask: not looked at: the server has ended" in _told(findings)


def test_a_shape_that_ends_the_server_is_a_warning(staged: Any) -> None:
    """A request of another rank that ends the server fails nothing, but is told with the way to repeat it."""
    _, findings = staged("multi", is_too_much=lambda inputs: "values" in inputs and inputs["values"].ndim == 3)
    (finding,) = _failed(findings)
    assert (finding.severity, finding.fails) == ("warning", False)
    assert finding.subject == "statistics over gRPC, inputs of other shapes"
    assert finding.seen.startswith("the server ended (killed by SIGSEGV); last it said: F0000 Check failed: x is a n")
    assert "the request: values: float64 [1, 2, 1] " in finding.seen
    assert ".reshape((1, 2, 1))" in finding.reproduce[0]


def test_shapes_that_are_answered_are_told(staged: Any) -> None:
    """The server compares no shapes: which were answered and which an op refused is information."""
    _, findings = staged("multi")
    told = [finding for finding in findings if finding.subject.endswith("inputs of other shapes")]
    assert told
    assert all(finding.passed and finding.severity == "info" for finding in told)
    assert "answered, as the server compares no shapes" in _told(told)


def test_a_batching_server_gets_rows(staged: Any) -> None:
    """A server that puts requests together would never answer one without rows, so none is sent."""
    sizes: list[int] = []

    def note(inputs: dict[str, np.ndarray]) -> bool:
        sizes.extend(array.shape[0] if array.ndim else 1 for array in inputs.values())
        return False

    staged(is_too_much=note, args=("--enable_batching=true",))
    assert len(sizes) > 20
    assert 0 not in sizes


def test_no_answer_without_rows_is_a_warning_where_batching_is_not_known(opened: Any) -> None:
    """Of a server of someone else's it cannot be told whether it batches: then no rows and no answer fail nothing."""

    def change(method: str, request: bytes, reply: bytes) -> bytes:
        if method.endswith("/Predict") and any(array.shape[:1] == (0,) for array in _inputs(request).values()):
            raise Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
        return reply

    (finding,) = _failed(check(replace(opened("half_plus_two", _OPTIONS, grpc_change=change), stage=None)))
    assert (finding.severity, finding.fails) == ("warning", False)
    assert "with --enable_batching answers no request without rows" in finding.seen
    assert finding.seen.endswith("x: float32 [0] []")
