"""The whole check, on a sound server, on unsound ones, and with a proxy in between that alters answers."""

from __future__ import annotations

import shlex
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from harness.checks.rollout import check
from harness.errors import CheckError
from harness.protos import get_model_status_pb2, predict_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.checks.subject import Subject
    from harness.findings import Finding

    RolledOut = Callable[..., dict[str, Finding]]

PREDICT = "/tensorflow.serving.PredictionService/Predict"
STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
APPEAR = "a new version appears"
UNKNOWN_OP = "a new version with an unknown op"
DAMAGED = "a new version with a damaged saved_model.pb"
BACK = "roll back"
SIDE_BY_SIDE = "two versions side by side"
LABEL = "a label moves to the new version and back"
SAME = "a reload that changes nothing"
REMOVED = "a model is removed from the config"


def _failed(findings: dict[str, Finding]) -> list[str]:
    return [name for name, finding in findings.items() if finding.fails]


def test_a_sound_server(rolled_out: RolledOut) -> None:
    """Every step passes and tells what happened."""
    findings = rolled_out()
    assert list(findings) == ["requests", APPEAR, UNKNOWN_OP, DAMAGED, BACK, SIDE_BY_SIDE, LABEL, SAME, REMOVED]
    assert _failed(findings) == []
    assert "after its directory was renamed into place; both versions were available" in findings[APPEAR].seen
    assert "version 3 ended with NOT_FOUND: Op type not registered" in findings[UNKNOWN_OP].seen
    assert "version 4 ended with DATA_LOSS" in findings[DAMAGED].seen
    assert "version 1 answered" in findings[BACK].seen
    assert "REST client 2" in findings["requests"].seen


def test_a_server_that_sees_no_new_files(rolled_out: RolledOut) -> None:
    """Where models are copied into a container, the config says which version is wanted; what differs is told."""
    findings = rolled_out(by_files=False)
    assert _failed(findings) == []
    assert list(findings)[:-1] == ["requests", APPEAR, UNKNOWN_OP, DAMAGED, BACK, SIDE_BY_SIDE, LABEL, SAME, REMOVED]
    assert "version 2 answered" in findings[APPEAR].seen
    assert "after the reload" in findings[APPEAR].seen
    assert "the server sees no new files" in findings["versions whose directories are moved"].seen


def test_a_server_that_makes_room_first(rolled_out: RolledOut) -> None:
    """Where the old version goes before the new one is there, requests fail at a switch, and after a broken version."""
    findings = rolled_out(APPEAR, DAMAGED, faults=("makes room first",))
    assert _failed(findings) == [APPEAR, DAMAGED]
    assert "asked for the latest version of m_" in findings[APPEAR].seen
    assert (
        "got not served (Servable not found for request: Latest(m_a_server_that_makes_room_first)); expected"
        in findings[APPEAR].seen
    )
    assert "the former version was not served any more: version 4 END" in findings[DAMAGED].seen
    (line,) = findings[APPEAR].reproduce
    assert shlex.split(line)[-2:] == ["--only", "rollout"]


def test_a_server_that_never_looks_again(rolled_out: RolledOut) -> None:
    """A new version that nobody notices fails its step; what would follow is not looked at, and that is said."""
    findings = rolled_out(APPEAR, DAMAGED, faults=("never looks",), limit_s=0.5)
    assert _failed(findings) == [APPEAR]
    assert "waited 0.5 s until version 2 is served" in findings[APPEAR].seen
    assert "status shows version 1 AVAILABLE" in findings[APPEAR].seen
    assert findings[DAMAGED].severity == "warning"
    assert "an earlier step did not come to its end" in findings[DAMAGED].seen


def test_a_server_that_keeps_what_is_removed(rolled_out: RolledOut) -> None:
    """A model that is answered though the config does not name it any more fails the last step."""
    findings = rolled_out(REMOVED, faults=("keeps what is removed",), limit_s=0.5)
    assert _failed(findings) == [REMOVED]
    assert (
        "m_a_server_that_keeps_what_is_removed_beside is gone; the server's status shows version 1 AVAILABLE"
        in findings[REMOVED].seen
    )


def test_a_server_whose_labels_stay(rolled_out: RolledOut) -> None:
    """A label that does not move is seen by those who ask for it."""
    findings = rolled_out(SIDE_BY_SIDE, LABEL, faults=("keeps labels",))
    assert _failed(findings) == [LABEL]
    assert "asked for label 'stable' of m_" in findings[LABEL].seen
    assert "got an answer by version 1; expected an answer by version 2" in findings[LABEL].seen


def test_a_server_that_reloads_what_it_has(rolled_out: RolledOut) -> None:
    """A reload of the same config that unloads versions for a moment fails requests."""
    findings = rolled_out(SAME, faults=("loads anew",))
    assert _failed(findings) == [SAME]
    assert "got not served" in findings[SAME].seen


def _every(number: int, *, raising: str = "") -> Any:
    """Return a change of every Nth answer to Predict: an error, or the other version's number."""
    turns = count(1)

    def change(method: str, _request: bytes, reply: bytes) -> bytes:
        if method != PREDICT or next(turns) % number:
            return reply
        if raising:
            raise RuntimeError(raising)
        answer = predict_pb2.PredictResponse.FromString(reply)
        answer.model_spec.version.value = 3 - answer.model_spec.version.value
        return answer.SerializeToString()

    return change


def test_calls_that_fail_now_and_then(rolled_out: RolledOut) -> None:
    """One call in ten that fails is found, with its client and its error."""
    findings = rolled_out(APPEAR, BACK, SIDE_BY_SIDE, grpc_change=_every(10, raising="lost"))
    assert _failed(findings)
    assert all("UNKNOWN (Exception calling application: lost)" in findings[name].seen for name in _failed(findings))


def test_another_version_than_asked_for(rolled_out: RolledOut) -> None:
    """Answers by the other version are found, of those who ask by number as of those who ask for the latest."""
    findings = rolled_out(SIDE_BY_SIDE, grpc_change=_every(3))
    assert _failed(findings) == [SIDE_BY_SIDE]
    assert "got an answer by version" in findings[SIDE_BY_SIDE].seen


def test_back_to_the_old_version(rolled_out: RolledOut) -> None:
    """Answers by the old version after the new one are found, though the old one is still served by number."""
    turns = count(1)

    def change(method: str, request: bytes, reply: bytes) -> bytes:
        wants_latest = method == PREDICT and (
            predict_pb2.PredictRequest.FromString(request).model_spec.WhichOneof("version_choice") is None
        )
        answer = predict_pb2.PredictResponse.FromString(reply) if wants_latest else None
        if answer is None or answer.model_spec.version.value != 2 or next(turns) % 3:
            return reply
        answer.model_spec.version.value = 1
        return answer.SerializeToString()

    findings = rolled_out(SIDE_BY_SIDE, LABEL, grpc_change=change)
    assert "asked for the latest version of m_" in findings[LABEL].seen
    assert "got an answer by version 1; expected an answer by version 2" in findings[LABEL].seen


def test_wrong_answers_over_rest(rolled_out: RolledOut) -> None:
    """REST answers with other values are found, though they name no version; so are error statuses."""
    turns = count(1)

    def change(path: str, _body: bytes, status: int, content: bytes) -> tuple[int, bytes]:
        turn = next(turns) if path.endswith(":predict") and status == 200 else 1
        if turn % 3 == 0:
            return 200, content.replace(b"3.", b"7.").replace(b"4.", b"7.")
        return (503, b'{"error": "no room"}') if turn % 3 == 2 else (status, content)

    findings = rolled_out(SIDE_BY_SIDE, LABEL, rest_change=change)
    seen = findings[SIDE_BY_SIDE].seen + findings[LABEL].seen
    assert "got a wrong answer: y:" in seen
    assert "UNAVAILABLE (no room)" in seen


def test_a_status_without_its_error(rolled_out: RolledOut) -> None:
    """A load that failed without a word of it in the status fails the step: nobody would know."""

    def change(method: str, _request: bytes, reply: bytes) -> bytes:
        if method != STATUS:
            return reply
        answer = get_model_status_pb2.GetModelStatusResponse.FromString(reply)
        for status in answer.model_version_status:
            status.status.Clear()
        return answer.SerializeToString()

    findings = rolled_out(DAMAGED, grpc_change=change)
    assert _failed(findings) == [DAMAGED]
    assert "its status shows no error" in findings[DAMAGED].seen


def test_a_broken_version_that_is_served(rolled_out: RolledOut, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that serves what cannot be loaded fails the step."""
    monkeypatch.setattr("harness.checks.rollout.place.damage", lambda _: None)
    findings = rolled_out(DAMAGED)
    assert DAMAGED in _failed(findings)
    assert "version 4 became AVAILABLE, though no server can load it" in findings[DAMAGED].seen


def test_answers_that_differ_are_not_compared(rolled_out: RolledOut, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the same request brings other values each time, only who answered is judged, and that is told."""
    monkeypatch.setattr("harness.checks.rollout.traffic.unlike", lambda *_: "y: other values")
    findings = rolled_out(SAME)
    assert _failed(findings) == []
    assert "they differ from call to call" in findings["the values of the answers"].seen


def test_rest_that_answers_otherwise_from_the_start(rolled_out: RolledOut) -> None:
    """REST that differs from gRPC from the start is another check's business: it is left out, with a reason."""

    def change(_path: str, _body: bytes, status: int, content: bytes) -> tuple[int, bytes]:
        return status, content.replace(b"4.", b"7.")

    findings = rolled_out(SAME, rest_change=change)
    assert _failed(findings) == []
    assert "REST client" not in findings["requests"].seen
    assert "REST answers otherwise than gRPC: y:" in findings["requests over REST"].seen


def test_without_stage_files_or_requests_it_says_so(opened: Callable[..., Subject]) -> None:
    """What cannot be rolled out is left out, and that is no error."""
    subject = opened("half_plus_two", only="serving_default")
    unfit = {"starts itself": [{"stage": None}, {"version_dir": None}], "no request is known": [{"requests": ()}]}
    for text, fields in unfit.items():
        for one in fields:
            (finding,) = check(replace(subject, **one))
            assert not finding.fails
            assert text in finding.seen


def test_a_model_that_answers_nothing(on_quick_stage: Callable[..., Subject]) -> None:
    """Without a request that is answered no traffic can flow: the check says why it could not run."""
    subject = on_quick_stage()
    request = replace(subject.requests[0], signature_name="missing")
    subject = replace(subject, requests=(request,), signatures={**subject.signatures, "missing": None})
    with pytest.raises(CheckError, match=r"no request is answered.*signature key \"missing\" not found"):
        check(subject)


def test_a_model_too_slow_for_it(on_quick_stage: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where requests take so long that a rollout would take minutes it is left out, and that is said."""
    monkeypatch.setattr("harness.checks.rollout.play.SLOWEST_S", 0.0)
    (finding,) = check(on_quick_stage())
    assert not finding.fails
    assert "a rollout would take minutes" in finding.seen
