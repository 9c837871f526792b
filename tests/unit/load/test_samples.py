from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.errors import ReportError, UsageError
from harness.load import EncodedRequest, Samples, status_name, succeeded
from harness.load.status import BAD_RESPONSE, CONNECTION_FAILED, CONNECTION_LOST, TIMEOUT

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("scheduled_ns", "sent_ns", "done_ns", "status", "response_bytes")


def _samples(*rows: tuple[int, int, int, int, int]) -> Samples:
    return Samples(**dict(zip(COLUMNS, np.array(rows).reshape(-1, 5).T, strict=True)))


def _rows(samples: Samples) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in row) for row in zip(*(getattr(samples, c) for c in COLUMNS), strict=True)]


def test_latency_counts_from_the_schedule_and_leaves_failures_out() -> None:
    """A request that left late is charged from its scheduled time; a failed one has no latency."""
    samples = _samples((0, 5, 20, 0, 1), (10, 10, 1_000, 14, 0), (20, 20, 50, 200, 1), (30, 30, 40, 503, 0))
    assert samples.latency_ns.tolist() == [20, 30]
    assert samples.errors == {"HTTP 503": 1, "UNAVAILABLE": 1}
    assert len(samples) == 4


def test_summary_of_samples_without_an_answer_is_none() -> None:
    """A run in which everything failed has no latency to summarise."""
    assert _samples((0, 0, 1, 14, 0)).summary() is None
    summary = _samples((0, 0, 9, 0, 0)).summary()
    assert summary is not None
    assert summary.mean_ns == 9


def test_samples_survive_the_way_to_a_file_and_back(tmp_path: Path) -> None:
    """Columns keep values and types."""
    samples = _samples((1, 2, 3, 0, 4), (5, 6, 2**60, 1_003, 8))
    again = Samples.load(samples.save(tmp_path / "a" / "samples.npz"))
    assert _rows(again) == _rows(samples)
    assert (again.status.dtype.name, again.sent_ns.dtype.name) == ("int16", "int64")


def test_merging_orders_by_time_sent_and_keeps_every_row() -> None:
    """The rows of two processes interleave; merging nothing gives no rows."""
    one, two = _samples((0, 0, 9, 0, 1), (4, 4, 5, 0, 2)), _samples((2, 2, 3, 14, 3))
    assert [row[4] for row in _rows(Samples.merge([one, two]))] == [1, 3, 2]
    assert len(Samples.merge([])) == 0


def test_columns_must_match() -> None:
    """Columns of different lengths, or tables, are refused."""
    with pytest.raises(UsageError, match="one length"):
        Samples(scheduled_ns=[1], sent_ns=[1, 2], done_ns=[1], status=[0], response_bytes=[0])  # type: ignore[arg-type]
    tables: Any = dict.fromkeys(COLUMNS, np.zeros((2, 2)))
    with pytest.raises(UsageError, match="flat"):
        Samples(**tables)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken", None])
def test_files_that_are_no_samples_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """Empty, foreign, cut and missing files give a ReportError that names the file."""
    path = tmp_path / "samples.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReportError, match=r"samples\.npz"):
        Samples.load(path)


def test_an_npz_without_the_columns_is_refused(tmp_path: Path) -> None:
    """Another program's .npz is not taken for samples."""
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(ReportError, match=r"Samples\.save"):
        Samples.load(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("status", "name", "good"),
    [
        (0, "OK", True),
        (8, "RESOURCE_EXHAUSTED", False),
        (16, "UNAUTHENTICATED", False),
        (200, "HTTP 200", True),
        (204, "HTTP 204", True),
        (301, "HTTP 301", False),
        (404, "HTTP 404", False),
        (CONNECTION_FAILED, "CONNECTION_FAILED", False),
        (CONNECTION_LOST, "CONNECTION_LOST", False),
        (TIMEOUT, "TIMEOUT", False),
        (BAD_RESPONSE, "BAD_RESPONSE", False),
    ],
)
def test_each_status_has_a_name_and_a_judgement(status: int, name: str, good: bool) -> None:  # noqa: FBT001 - a table
    """Codes of gRPC, HTTP statuses and connection failures share one column without confusion."""
    assert (status_name(status), succeeded(status)) == (name, good)
    assert bool(_samples((0, 0, 1, status, 0)).ok[0]) is good


def test_a_method_without_a_slash_is_refused() -> None:
    """A gRPC method and a REST path both begin with a slash."""
    with pytest.raises(UsageError, match="slash"):
        EncodedRequest(body=b"", method="v1/models/m:predict")
