"""Stored baselines: what was measured before, one file for each model and benchmark, the newest last.

They are advisory. Numbers of another day are compared only where the *fingerprint* is the same - processor, cores,
kernel, image, TensorFlow and backend - and never decide a gate; otherwise they are shown as a trend.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from harness.errors import ReportError
from harness.results import Fingerprint, Trend, TrendPoint, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.gate.metrics import Metric
    from harness.results import MetricRatio

__all__ = [
    "SCHEMA_VERSION",
    "Entry",
    "Fingerprint",
    "append_entry",
    "entry_of",
    "read_history",
    "stored_path",
    "trends",
]

SCHEMA_VERSION = 1
_MOST_ENTRIES = 50
_UNSAFE = re.compile(r"[^\w.-]")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One measurement.

    Attributes:
        created_utc: when, ISO 8601.
        label: of what, for people, e.g. the path or a commit.
        fingerprint: on what.
        metrics: values by metric, in the units of `harness.gate.metrics`.
    """

    created_utc: str
    label: str
    fingerprint: Fingerprint
    metrics: Mapping[str, float] = field(default_factory=dict)


def stored_path(directory: Path, model: str, benchmark: str) -> Path:
    """Return the file of a model and benchmark, e.g. ``DIR/digits/grpc-c4.json``."""
    return directory / _UNSAFE.sub("_", model) / f"{_UNSAFE.sub('_', benchmark)}.json"


def entry_of(rows: Iterable[MetricRatio], *, created_utc: str, label: str, fingerprint: Fingerprint) -> Entry:
    """Return what a gate measured of its candidate."""
    metrics = {row.metric: row.candidate for row in rows}
    return Entry(created_utc=created_utc, label=label, fingerprint=fingerprint, metrics=metrics)


def read_history(path: Path) -> tuple[Entry, ...]:
    """Return the entries of a file, oldest first; none if there is no file.

    Raises:
        ReportError: it cannot be read, or is not such a file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as exc:
        raise ReportError(f"cannot read the stored baseline {path}: {exc}") from exc
    try:
        return _entries(json.loads(text))
    except (ValueError, KeyError, TypeError) as exc:
        raise ReportError(
            f"the stored baseline {path} cannot be used: {exc!r}; it may hold marks of a merge: mend it, or delete it"
            " to begin anew"
        ) from exc


def _entries(document: Mapping[str, Any]) -> tuple[Entry, ...]:
    if document["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema_version {document['schema_version']!r}, this harness reads {SCHEMA_VERSION}")
    return tuple(_entry(each) for each in document["history"])


def _entry(form: Mapping[str, Any]) -> Entry:
    metrics = {str(name): float(value) for name, value in form["metrics"].items()}
    return Entry(
        created_utc=str(form["created_utc"]),
        label=str(form["label"]),
        fingerprint=Fingerprint(**form["fingerprint"]),
        metrics=metrics,
    )


def append_entry(path: Path, entry: Entry) -> tuple[Entry, ...]:
    """Add an entry to a file, whole or not at all, keeping the last 50; return them all. Safe for several at once.

    Raises:
        ReportError: the file cannot be read or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.parent):
        history = (*read_history(path), entry)[-_MOST_ENTRIES:]
        document = {"schema_version": SCHEMA_VERSION, "history": [asdict(each) for each in history]}
        write_whole((json.dumps(document, indent=1, sort_keys=True) + "\n").encode(), path)
    return history


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others out of a folder meanwhile. The folder itself is locked: nothing has to be removed later."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def trends(model: str, history: Sequence[Entry], now: Fingerprint, metrics: Iterable[Metric]) -> tuple[Trend, ...]:
    """Return each metric over time; points of another fingerprint are marked as not comparable.

    Args:
        model: the servable's name.
        history: entries, oldest first.
        now: what the last one is to be compared by.
        metrics: which to show.
    """
    found = []
    for metric in metrics:
        points = tuple(
            TrendPoint(
                created_utc=entry.created_utc,
                label=entry.label,
                value=entry.metrics[metric.name],
                comparable=entry.fingerprint == now,
            )
            for entry in history
            if metric.name in entry.metrics
        )
        if points:
            found.append(
                Trend(
                    model=model,
                    metric=metric.name,
                    title=metric.title,
                    unit=metric.unit,
                    lower_is_better=metric.lower_is_better,
                    points=points,
                )
            )
    return tuple(found)
