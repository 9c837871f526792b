"""Messages beyond 4 MiB, with and without something on the way that cuts them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.mutations import on_grpc
from harness.checks.large import check
from harness.checks.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.checks.subject import Subject

_MIB = 2**20
_ROWS = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
_WIDE = Request(signature_name="wide", inputs={"x": _ROWS}, source="two rows")
_ALL = ("contract", "parity", "batches", "large")


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried must not depend on how busy the machine is."""
    monkeypatch.setattr("harness.checks.large._MOST_S", 1e6)


def _long_texts() -> Request:
    """Return a request of texts so long that few of them are 4 MiB."""
    texts = np.array([b"A" * 50_000, b"B" * 50_000], dtype=object)
    return Request(signature_name="raw_text", inputs={"s": texts}, source="long texts")


def _asked(subject: Subject, *requests: Request) -> Subject:
    return replace(subject, stage=None, requests=requests)


def test_both_messages_of_one_request_may_be_large(opened: Callable[..., Subject]) -> None:
    """A signature with large rows on both sides is asked once over each API, and each row brings its answer."""
    findings = check(_asked(opened("odd"), _long_texts()))
    assert [(one.subject, one.passed) for one in findings] == [
        ("request and answer beyond 4 MiB over gRPC", True),
        ("request and answer beyond 4 MiB over REST", True),
    ]
    assert findings[0].seen == (
        "raw_text: 90 rows, a request of 4.3 MiB and an answer of about 4.3 MiB: each brought its answer"
    )


def test_a_side_that_is_too_small_is_left_out(opened: Callable[..., Subject]) -> None:
    """Where a signature has large answers and no large requests, the side that is not tried is said."""
    request, answer = check(replace(_asked(opened("odd"), _WIDE), rest=None))
    assert (request.subject, request.severity) == ("request beyond 4 MiB over gRPC", "info")
    assert " bytes in a request, 16,000 in an answer and " in request.seen
    assert (answer.subject, answer.passed, answer.severity) == ("answer beyond 4 MiB over gRPC", True, "error")
    assert answer.seen.startswith("wide: 279 rows, a request of 0.0 MiB and an answer of about 4.3 MiB")


def test_a_limit_of_4_mib_fails_with_its_remedy(opened: Callable[..., Subject], failing: Callable[..., Any]) -> None:
    """A proxy that takes 4 MiB at most fails this check alone, over both APIs, and the finding says what to raise."""
    found = failing(_asked(opened("odd", limit_bytes=4 * _MIB), _long_texts()), *_ALL)
    assert list(found) == ["large"]
    grpc, rest = found["large"]
    assert "bring no answer: RESOURCE_EXHAUSTED" in grpc.seen
    assert "(HTTP 413)" in rest.seen
    assert all("raise the limit of what stands before it" in one.seen for one in (grpc, rest))
    assert "INPUTS: 's': object [90]" in grpc.reproduce[0]


def test_a_limit_on_answers_is_found_too(opened: Callable[..., Subject]) -> None:
    """A proxy that cuts answers alone is found with a signature of large answers."""
    findings = check(_asked(opened("odd", limit_bytes=4 * _MIB), _WIDE))
    assert [one.subject for one in findings if one.fails] == [
        "answer beyond 4 MiB over gRPC",
        "answer beyond 4 MiB over REST",
    ]


def test_a_higher_limit_does_not_matter(opened: Callable[..., Subject]) -> None:
    """A proxy that takes 16 MiB passes."""
    assert all(one.passed for one in check(_asked(opened("odd", limit_bytes=16 * _MIB), _long_texts())))


def test_a_row_that_is_wrong_in_a_large_answer_fails(
    opened: Callable[..., Subject], failing: Callable[..., Any]
) -> None:
    """A large answer whose last row is wrong fails this check alone, with the row's place."""

    def damaged(array: np.ndarray) -> np.ndarray:
        return np.concatenate([array[:-1], 0 * array[-1:]]) if array.nbytes > 4 * _MIB else array

    subject = replace(_asked(opened("odd", grpc_change=on_grpc(damaged)), _WIDE), rest=None)
    found = failing(subject, *_ALL)
    assert list(found) == ["large"]
    assert "wide: y: [278, 0] is 0.0, expected 1.0 (float noise" in found["large"][0].seen


def test_signatures_without_batches_are_left_out(opened: Callable[..., Subject]) -> None:
    """What has no batches, or wrong ones, is not made large: the reason is said, and nothing fails."""
    one_row = Request(signature_name="one_row", inputs={"x": _ROWS[:1]})
    batch_mean = Request(signature_name="batch_mean", inputs={"x": _ROWS})
    findings = check(_asked(opened("odd"), one_row, batch_mean))
    assert {one.subject: one.passed for one in findings} == {"one_row": True, "batch_mean": True}
    assert "rows together are wrong already: y: [0, 0] is -1.5, expected 0.0" in findings[0].seen
