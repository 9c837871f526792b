"""How a job travels and is split, and how outcomes become one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from harness.load import Arrivals, EncodedRequest
from harness.load.job import Job
from harness.load.outcome import Outcome
from harness.load.session import Timing
from harness.tls import Tls

if TYPE_CHECKING:
    from pathlib import Path

_JOB = Job(
    engine="http2",
    targets=("a:1", "b:2", "c:3"),
    concurrency=8,
    timeout_s=2.5,
    timing=Timing(duration_ns=5, warmup_bound_ns=6, most_requests=100),
    requests=(
        EncodedRequest(body=b"\0\xff", method="/a", headers=(("x", "y"),)),
        EncodedRequest(body=b"", method="/b", verb="GET"),
    ),
    arrivals=Arrivals(rate_per_s=3, shape="step", end_rate_per_s=4, over_s=5),
    think_s=0.5,
    shuffle_seed=7,
    tls=Tls(ca="/ca.pem", server_name="s"),
    keep_answers=10,
)


def test_a_job_travels_in_files(tmp_path: Path) -> None:
    """What is loaded equals what was saved, with everything or with as little as possible."""
    bare = dataclasses.replace(_JOB, arrivals=None, shuffle_seed=None, tls=None)
    replayed = dataclasses.replace(_JOB, arrivals=Arrivals.recorded([0.0, 0.25, 4.0], speed=3, repeats=False))
    for job in (_JOB, bare, replayed, _JOB.split(3)[1]):
        job.save(tmp_path)
        assert Job.load(tmp_path) == job


def test_tls_files_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is the parent's, whatever the worker's working folder."""
    monkeypatch.chdir(tmp_path)
    dataclasses.replace(_JOB, tls=Tls(ca="ca.pem")).save(tmp_path)
    assert Job.load(tmp_path).tls == Tls(ca=str(tmp_path / "ca.pem"))


@pytest.mark.parametrize("parts", [1, 2, 3, 8])
def test_parts_make_up_the_whole(parts: int) -> None:
    """Requests in flight, answers to keep and requests to end after add up, and lanes take the targets in turn."""
    split = _JOB.split(parts)
    assert [(one.part, one.parts) for one in split] == [(part, parts) for part in range(parts)]
    assert sum(one.concurrency for one in split) == 8
    assert sum(one.keep_answers for one in split) == 10
    assert sum(one.timing.most_requests or 0 for one in split) == 100
    assert max(one.concurrency for one in split) - min(one.concurrency for one in split) <= 1
    assert sorted(target for one in split for target in one.lane_targets) == [0, 0, 0, 1, 1, 1, 2, 2]


_OUTCOME: dict[str, Any] = {
    "ended": "completed",
    "reason": "",
    "reached": True,
    "steady": True,
    "warmup_s": 1.0,
    "duration_s": 2.0,
    "cpu_share": 0.5,
    "cpu_s": 1.0,
    "messages": {},
}


def test_the_outcome_of_several_is_the_gravest(tmp_path: Path) -> None:
    """An end that others were interrupted for is the run's; the first message of each status stays."""
    parts = [
        Outcome(**_OUTCOME | {"ended": "interrupted", "reason": "stopped", "messages": {"A": "first"}}),
        Outcome(**_OUTCOME | {"ended": "overrun", "reason": "too much", "messages": {"A": "second", "B": "third"}}),
        Outcome(**_OUTCOME | {"steady": False, "duration_s": 3.0, "cpu_share": 0.9}),
    ]
    merged = Outcome.merge(parts)
    assert (merged.ended, merged.reason, merged.steady, merged.reached) == ("overrun", "too much", False, True)
    assert (merged.duration_s, merged.cpu_share, merged.cpu_s) == (3.0, 0.9, 3.0)
    assert merged.messages == {"A": "first", "B": "third"}
    merged.save(tmp_path)
    assert Outcome.load(tmp_path) == merged
    assert Outcome.merge(parts[:1]) == parts[0]
