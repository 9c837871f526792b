"""Warm-up records replayed, read by a server, and what they are worth."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.checks.request import Request
from harness.checks.warmup import check
from harness.checks.warmup.advice import advice
from harness.checks.warmup.copies import message_of
from harness.checks.warmup.gain import records_read
from harness.checks.warmup.timing import FirstRequest, time_first_request
from harness.checks.warmup_requests import requests_of_logs
from harness.protos import predict_pb2
from harness.savedmodel import publish_copy, read_warmup, write_warmup
from harness.savedmodel.warmup import WARMUP_FILE, as_prediction_log
from harness.tensors import to_proto

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.checks.subject import Subject
    from harness.findings import Finding

MS = 1_000_000
REPLAY = "recorded requests over gRPC"
READ = "the server reads the records"
FIRST = "the first request after a load, serving_default"


@pytest.fixture
def warmed(on_quick_stage: Callable[..., Subject], tmp_path: Path) -> Callable[..., Subject]:
    """A function that returns half_plus_two under check, as if its files had these warm-up records."""

    def make(records: list[Any], **options: Any) -> Subject:
        subject = on_quick_stage(**options)
        assert subject.version_dir is not None
        copy = publish_copy(subject.version_dir, tmp_path / "copy", version=1)
        write_warmup(copy, records)
        return replace(subject, version_dir=copy)

    return make


def _by_subject(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}


def _x(*values: float) -> dict[str, Any]:
    return {"x": np.array(values, np.float32)}


def test_records_are_replayed_and_read(warmed: Callable[..., Subject]) -> None:
    """Sound records are answered over the wire, the server's log tells of all of them, and times are told."""
    findings = _by_subject(check(warmed([_x(1.0), _x(2.0, 3.0)])))
    assert not [finding for finding in findings.values() if not finding.passed]
    assert findings[REPLAY].seen == "2 records, all answered"
    assert findings[READ].seen == "its log tells of 2 records read before the version was served"
    assert findings[FIRST].severity == "info"
    assert "x the median of the later ones" in findings[FIRST].seen
    assert "without its warm-up records" in findings[FIRST].seen


def test_a_record_that_fails_is_named(warmed: Callable[..., Subject]) -> None:
    """A record the model refuses fails the check with its number, the server's text and a line that repeats it."""
    bad = predict_pb2.PredictRequest(inputs={"x": to_proto(np.array([1], np.int32))})
    findings = _by_subject(check(warmed([_x(1.0), bad])))
    assert findings[REPLAY].fails
    assert findings[REPLAY].seen.startswith(
        "1 of 2 records fail: record 2: INVALID_ARGUMENT: Expects arg[0] to be float"
    )
    assert "predict({'x': array([1], 'int32')}" in shlex.split(findings[REPLAY].reproduce[0])[2]
    assert "a server would refuse a version with such a record" in findings["the first request after a load"].seen


def test_a_server_that_reads_fewer_records(warmed: Callable[..., Subject]) -> None:
    """A log that tells of another number than the file holds is an error."""
    subject = warmed([_x(1.0), _x(2.0)], faults=("stops half way in warm-up",), from_the_start=True)
    finding = _by_subject(check(subject))[READ]
    assert finding.fails
    assert finding.seen == "its log tells of 1 records read, but the file holds 2"


def test_a_server_that_does_not_tell(warmed: Callable[..., Subject]) -> None:
    """A log without a word of warm-up is a warning: whether the records were read is not known."""
    finding = _by_subject(check(warmed([_x(1.0)], faults=("does not warm up",), from_the_start=True)))[READ]
    assert (finding.passed, finding.severity) == (False, "warning")
    assert "the server's log does not tell" in finding.seen


def _timed(monkeypatch: pytest.MonkeyPatch, *first_ms: float) -> None:
    """Have the first requests take these times, later ones a millisecond."""
    times = iter(first_ms)
    monkeypatch.setattr(
        "harness.checks.warmup.gain.time_first_request",
        lambda *_: FirstRequest(first_ns=round(next(times) * MS), later_ns=MS),
    )


def test_a_model_that_would_gain_gets_advice(
    on_quick_stage: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without records and with a slow first request there is a warning, what records bring, and how to add them."""
    _timed(monkeypatch, 500, 2)
    (finding,) = check(on_quick_stage())
    assert (finding.subject, finding.passed, finding.severity, finding.fails) == (FIRST, False, "warning", False)
    assert "500.0 ms, 500.0 x the median of the later ones (1.0 ms); with this request as a warm-up record 2.0 ms" in (
        finding.seen
    )
    assert "write_warmup(" in finding.seen


@pytest.mark.parametrize("is_recorded", [False, True])
def test_a_slow_signature_beside_recorded_ones(
    warmed: Callable[..., Subject],
    monkeypatch: pytest.MonkeyPatch,
    is_recorded: bool,  # noqa: FBT001 - a table
) -> None:
    """Records of other signatures do not warm this one up, so there is advice; none if its own do not help."""
    regress = Request(signature_name="regress_x_to_y", method="regress", examples=({"x": 1.0},))
    _timed(monkeypatch, 500, 400)
    finding = _by_subject(check(warmed([_x(1.0) if is_recorded else message_of(regress)])))[FIRST]
    assert finding.passed is is_recorded
    assert ("its warm-up records are of other signatures" in finding.seen) is not is_recorded


@pytest.mark.parametrize(
    ("first_ms", "later_ms", "is_slow"),
    [(500, 1, True), (500, 51, False), (90, 1, False), (101.5, 1, True), (2000, 150, True)],
)
def test_what_counts_as_slow(first_ms: float, later_ms: float, is_slow: bool) -> None:  # noqa: FBT001 - a table
    """More than ten times the median, and a tenth of a second more than it: below that nobody notices."""
    assert FirstRequest(first_ns=round(first_ms * MS), later_ns=round(later_ms * MS)).is_slow is is_slow


def test_the_first_request_counts_alone(opened: Callable[..., Subject]) -> None:
    """Timing sends real requests and returns times above zero."""
    subject = opened("half_plus_two", only="serving_default")
    assert subject.grpc is not None
    timed = time_first_request(subject.grpc, subject.requests[0])
    assert min(timed.first_ns, timed.later_ns) > 0


LOG = """
I] Finished reading warmup data for model at /models/m_warm/1/assets.extra/x. Number of warmup records read: 12. \
Elapsed time (microseconds): 3400.
I] No warmup data file found at /models/m_cold/1/assets.extra/x
"""


def test_the_log_tells_by_model() -> None:
    """The number is that of the model asked for: none read without a file, not known without a line."""
    assert records_read(LOG, "m_warm") == 12
    assert records_read(LOG, "m_cold") == 0
    assert records_read(LOG, "m") is None


@pytest.mark.parametrize(
    "request_",
    [
        Request(inputs={"x": np.array([1.5], np.float32), "s": np.array([b"\xff"], dtype=object)}),
        Request(signature_name="c", method="classify", examples=({"x": [1.0]},), context={"y": [b"z"]}),
        Request(signature_name="r", method="regress", examples=({"x": [1]}, {"x": [2]})),
    ],
    ids=lambda one: one.method,
)
def test_messages_hold_the_whole_request(request_: Request) -> None:
    """A request that is recorded and read again is the same request."""
    ((again,), faults) = requests_of_logs([as_prediction_log(message_of(request_))], source="")
    assert faults == []
    assert (again.signature_name, again.method) == (request_.signature_name, request_.method)
    assert {name: array.tolist() for name, array in again.inputs.items()} == {
        name: array.tolist() for name, array in request_.inputs.items()
    }
    assert (again.examples, again.context) == (request_.examples, request_.context)


def test_the_advice_can_be_run(opened: Callable[..., Subject], tmp_path: Path) -> None:
    """The line records the request in the model's version, as a shell runs it."""
    subject = opened("half_plus_two", only="serving_default")
    assert subject.version_dir is not None
    copy = publish_copy(subject.version_dir, tmp_path / "it's a base path", version=1)
    words = shlex.split(advice(replace(subject, version_dir=copy), Request(inputs=_x(1.0, 2.5))), comments=True)
    assert words[:2] == ["python", "-c"]
    subprocess.run([sys.executable, *words[1:]], check=True, timeout=120)
    ((request,), _) = requests_of_logs(read_warmup(copy), source="")
    assert request.inputs["x"].tolist() == [1.0, 2.5]
    assert not (subject.version_dir / WARMUP_FILE).exists()


def test_advice_names_what_is_too_long(opened: Callable[..., Subject]) -> None:
    """Large inputs are named by dtype and shape, requests for other signatures by their message."""
    subject = opened("half_plus_two", only="serving_default")
    assert "# INPUTS: {'x': float32 [99]}" in advice(subject, Request(inputs=_x(*range(99))))
    other = Request(signature_name="c", method="classify", examples=({},))
    assert advice(subject, other).endswith("  # REQUEST: a ClassificationRequest for c")


def test_without_files_or_stage_it_says_so(warmed: Callable[..., Subject]) -> None:
    """What cannot be looked at is told: all of it without files, the times without a server of the check's own."""
    subject = warmed([_x(1.0)])
    (nothing,) = check(replace(subject, version_dir=None))
    assert "the model's files are not at hand" in nothing.seen
    replayed, untimed = check(replace(subject, stage=None))
    assert replayed.subject == REPLAY
    assert "it needs a server that the harness starts itself" in untimed.seen
