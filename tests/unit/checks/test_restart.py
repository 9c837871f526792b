"""Restart: a real crash, and servers that do not come back as they were."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.altering_proxy import altered
from harness.checks.restart import check
from harness.errors import StartupError
from harness.protos import predict_pb2
from harness.savedmodel import publish_copy
from harness.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Endpoint
    from harness.checks.subject import Subject
    from harness.findings import Finding

OUTAGES = ["a request over gRPC while the server is down", "a request over REST while the server is down"]
AGAIN = "the server starts again"
ANSWERS = ["answers over gRPC", "answers over REST"]
BACK = ["the gRPC client comes back", "the REST client comes back"]


def _checked(subject: Subject, stage: Any) -> dict[str, Finding]:
    return {finding.subject: finding for finding in check(replace(subject, stage=stage))}


def _failed(findings: dict[str, Finding]) -> set[str]:
    return {name for name, finding in findings.items() if finding.fails}


@dataclass(frozen=True, kw_only=True)
class _SwappingStage(Stage):
    """A stage whose server finds another model under the old number when it comes back."""

    other: Path

    @contextmanager
    def server(self, *models: Any, **options: Any) -> Iterator[Any]:
        with super().server(*models, **options) as server:
            kill = server.kill

            def kill_and_swap() -> None:
                kill()
                version_dir = Path(self.model.base_path, "3")
                shutil.rmtree(version_dir)
                publish_copy(self.other, version_dir.parent, version=3)

            server.kill = kill_and_swap  # type: ignore[method-assign]
            yield server


def test_a_changed_model(opened: Callable[..., Subject], tmp_path: Path) -> None:
    """A killed server's requests fail as they should, it starts again, and other values than before are found."""
    subject = opened("half_plus_two", only="serving_default")
    assert subject.stage is not None
    assert subject.version_dir is not None
    base_path = tmp_path / "half_plus_two"
    publish_copy(subject.version_dir, base_path, version=3)
    stage = _SwappingStage(
        spec=subject.stage.spec,
        choice=subject.stage.choice,
        model=replace(subject.stage.model, base_path=str(base_path)),
        other=subject.version_dir.parent / "1",
    )
    findings = _checked(subject, stage)
    assert list(findings) == [*OUTAGES, AGAIN, *(name for pair in zip(BACK, ANSWERS, strict=True) for name in pair)]
    assert _failed(findings) == set(ANSWERS)
    assert "nothing answers there" in findings[OUTAGES[0]].seen
    assert findings[AGAIN].seen.startswith("ready ")
    for name in ANSWERS:
        assert "1 of 1 requests are answered otherwise: serving_default (values made up" in findings[name].seen
        assert "(relative error" in findings[name].seen


@dataclass(eq=False)
class _Actor:
    """A server that plays its death: at the addresses of another one, and with whatever a test wants to happen."""

    endpoint: Endpoint
    on_restart: Callable[[_Actor], None] = lambda _: None
    events: list[str] = field(default_factory=list)

    @contextmanager
    def server(self) -> Iterator[_Actor]:
        """Yield itself: it is its own stage."""
        yield self

    def endpoint_of(self, _model: str) -> Endpoint:
        return self.endpoint

    def kill(self) -> None:
        self.events.append("killed")

    def restart(self) -> None:
        self.events.append("restarted")
        self.on_restart(self)


@pytest.fixture
def on_actor(opened: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Finding]]:
    """A function that runs the check with a server that plays; answers are changed once it was restarted."""
    monkeypatch.setattr("harness.checks.restart.check_line", lambda *_: "again")
    monkeypatch.setattr("harness.checks.restart._BACK_WITHIN_S", 0.3)

    def run(
        on_restart: Callable[[_Actor], None] = lambda _: None, change: Callable[[bytes], bytes] | None = None
    ) -> dict[str, Finding]:
        subject = opened("half_plus_two", only="serving_default")
        assert subject.grpc is not None
        actor = _Actor(subject.grpc.endpoint, on_restart)

        def changed(_method: str, _request: bytes, reply: bytes) -> bytes:
            return change(reply) if change is not None and "restarted" in actor.events else reply

        with altered(actor.endpoint, grpc_change=changed) as endpoint:
            actor.endpoint = endpoint
            return _checked(subject, actor)

    return run


def test_a_server_that_does_not_die(on_actor: Callable[..., dict[str, Finding]]) -> None:
    """A request that is answered though the server was killed fails the check: something else answers there."""
    findings = on_actor()
    assert _failed(findings) == set(OUTAGES)
    assert {findings[name].seen for name in OUTAGES} == {"it is answered, though the server was killed"}


def test_a_server_that_does_not_start_again(on_actor: Callable[..., dict[str, Finding]]) -> None:
    """A start that fails is told with its reason, and nothing is asked afterwards."""

    def refuse(_: _Actor) -> None:
        raise StartupError("no such file")

    findings = on_actor(refuse)
    assert list(findings) == [*OUTAGES, AGAIN]
    assert findings[AGAIN].fails
    assert findings[AGAIN].seen == "no such file"


def test_a_server_at_other_ports(on_actor: Callable[..., dict[str, Finding]]) -> None:
    """Clients cannot follow a server to other ports; that is said, and no error."""

    def move(actor: _Actor) -> None:
        actor.endpoint = replace(actor.endpoint, grpc="127.0.0.1:1")

    findings = on_actor(move)
    assert _failed(findings) == set(OUTAGES)
    assert "came back at other ports" in findings["the clients come back"].seen


def test_another_version_after_the_restart(on_actor: Callable[..., dict[str, Finding]]) -> None:
    """The same values by another version are not the same answer."""

    def rise(reply: bytes) -> bytes:
        answer = predict_pb2.PredictResponse.FromString(reply)
        answer.model_spec.version.value += 1
        return answer.SerializeToString()

    findings = on_actor(change=rise)
    assert _failed(findings) == {*OUTAGES, ANSWERS[0]}
    assert "version 4 answers, before it was version 3" in findings[ANSWERS[0]].seen


def test_a_client_that_never_comes_back(on_actor: Callable[..., dict[str, Finding]]) -> None:
    """A client that is not answered again fails with its last error."""

    def lose(_: bytes) -> bytes:
        raise RuntimeError("lost")

    findings = on_actor(change=lose)
    assert _failed(findings) == {*OUTAGES, BACK[0], ANSWERS[0]}
    assert "no answer within 0.3 s after the server was ready again: UNKNOWN: Exception" in findings[BACK[0]].seen


def test_without_a_stage_or_requests_it_says_so(opened: Callable[..., Subject]) -> None:
    """Without a server of its own nothing is looked at, and that is no error."""
    subject = opened("half_plus_two", only="serving_default")
    for unfit, text in (
        (replace(subject, stage=None), "needs a server"),
        (replace(subject, requests=()), "no request"),
    ):
        (finding,) = check(unfit)
        assert not finding.fails
        assert text in finding.seen
