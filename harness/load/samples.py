"""Samples: what each request of a run cost, as columns.

Raw columns rather than a histogram: a percentile, a confidence bound or a plot over time can be had later without
having been foreseen. At 34 bytes a request a minute of 10,000 requests a second takes 20 MB.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness import stats
from harness.errors import ReportError, UsageError
from harness.load.status import status_name
from harness.results import write_whole

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["Samples"]

_DTYPES = {"scheduled_ns": "i8", "sent_ns": "i8", "done_ns": "i8", "status": "i2", "response_bytes": "i8"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """One row per request; every column has shape [n]. Times are of one monotonic clock, without a date.

    Attributes:
        scheduled_ns: int64, when the request was to leave; in closed loop when it did.
        sent_ns: int64, when it was handed to the engine.
        done_ns: int64, when its answer had arrived whole, or its failure was known.
        status: int16, see `harness.load.status`.
        response_bytes: int64, size of the answer's message or body.
    """

    scheduled_ns: npt.NDArray[np.int64]
    sent_ns: npt.NDArray[np.int64]
    done_ns: npt.NDArray[np.int64]
    status: npt.NDArray[np.int16]
    response_bytes: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Bring the columns to their types and refuse columns of different lengths."""
        for name, dtype in _DTYPES.items():
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=dtype))
        shapes = {name: getattr(self, name).shape for name in _DTYPES}
        if len(set(shapes.values())) != 1 or self.status.ndim != 1:
            raise UsageError(f"the columns of samples must be flat and of one length, got {shapes}")

    def __len__(self) -> int:
        """Return the number of requests, failed ones included."""
        return int(self.status.size)

    @property
    def ok(self) -> npt.NDArray[np.bool_]:
        """Which requests were answered well (see `harness.load.status.succeeded`); bool, shape [n]."""
        return np.asarray((self.status == 0) | ((self.status >= 200) & (self.status < 300)), dtype=np.bool_)

    @property
    def latency_ns(self) -> npt.NDArray[np.int64]:
        """Latency of the answered requests only, from their *scheduled* time; int64, shape [number of them]."""
        return (self.done_ns - self.scheduled_ns)[self.ok]

    @property
    def errors(self) -> dict[str, int]:
        """Status name to count of the requests that were not answered well, by name."""
        return dict(sorted(Counter(status_name(int(each)) for each in self.status[~self.ok]).items()))

    def summary(self) -> stats.Summary | None:
        """Return the latency of the answered requests in a few numbers, None if none was answered."""
        latency_ns = self.latency_ns
        return stats.summarise(latency_ns) if latency_ns.size else None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the columns as a compressed .npz file, whole or not at all.

        Raises:
            ReportError: it cannot be written there.
        """
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{name: getattr(self, name) for name in _DTYPES})
        return write_whole(buffer.getvalue(), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Samples:
        """Read what `save` wrote.

        Raises:
            ReportError: the file cannot be read, or is not such a file.
        """
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as columns:
                return cls(**{name: columns[name] for name in _DTYPES})
        except (OSError, ValueError, KeyError, TypeError, EOFError, UsageError, zipfile.BadZipFile) as error:
            raise ReportError(
                f"cannot read samples from {str(path)!r}: {error}; it must be an .npz file written by Samples.save"
            ) from error

    @classmethod
    def merge(cls, parts: Iterable[Samples]) -> Samples:
        """Return the rows of all parts in the order they were sent, e.g. of several processes on one machine."""
        many = list(parts)
        if not many:
            return cls(**{name: np.empty(0, dtype) for name, dtype in _DTYPES.items()})
        columns = {item.name: np.concatenate([getattr(part, item.name) for part in many]) for item in fields(cls)}
        order = np.argsort(columns["sent_ns"], kind="stable")
        return cls(**{name: column[order] for name, column in columns.items()})
