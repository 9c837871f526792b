"""Verdict: what LoadGen's logs say of a run, read from the files it leaves behind.

``mlperf_log_summary.txt`` is written for people: lines of ``name : value`` under headings. The lines of
``mlperf_log_detail.txt`` are JSON after ``:::MLLOG``, each with a key, a value and whether it is an error or a warning.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Failures", "Verdict", "parse_detail", "parse_summary", "read_verdict"]

_MARK = ":::MLLOG "
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ESTIMATE = re.compile(r"Early stopping (\S+) percentile estimate: (\d+)")
_HEAD = {"SUT name", "Scenario", "Mode", "Result is"}
_LISTS = {"Recommendations:": "recommendations", "Early Stopping Result:": "early stopping"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What LoadGen says.

    Attributes:
        scenario: as LoadGen spells it.
        valid: its verdict; it knows nothing of failed answers.
        metric: what the scenario is judged by.
        value: of that.
        n: queries.
        checks: what the verdict rests on, by name, and the result of early stopping in words.
        numbers: further numbers, by name.
        warnings: errors, warnings and recommendations.
    """

    scenario: str
    valid: bool
    metric: str
    value: float
    n: int = 0
    checks: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Failures:
    """How the samples of a run ended: how many were answered, status name to count and first message of the others."""

    answered: int
    errors: Mapping[str, int]
    messages: Mapping[str, str]

    @classmethod
    def load(cls, folder: Path) -> Failures:
        """Read what the worker process left behind."""
        return cls(**json.loads((folder / "failures.json").read_text()))


def read_verdict(folder: Path) -> Verdict:
    """Read the logs in a folder.

    Raises:
        ReportError: they are missing, or hold no verdict.
    """
    try:
        summary = (folder / "mlperf_log_summary.txt").read_text(errors="replace")
        detail = (folder / "mlperf_log_detail.txt").read_text(errors="replace")
    except OSError as exc:
        raise ReportError(f"LoadGen left no log that can be read in {folder}: {exc}; measure again") from exc
    verdict = parse_summary(summary)
    n, troubles = parse_detail(detail)
    return Verdict(**{**vars(verdict), "n": n, "warnings": (*troubles, *verdict.warnings)})


def parse_summary(text: str) -> Verdict:
    """Read a summary.

    Raises:
        ReportError: it holds no verdict.
    """
    result, stats = (_section(text, name) for name in ("MLPerf Results Summary", "Additional Stats"))
    pairs = dict(_pairs(result))
    measured = [(name, value) for name, value in pairs.items() if name not in _HEAD and _NUMBER.fullmatch(value)]
    if "Scenario" not in pairs or pairs.get("Result is") not in ("VALID", "INVALID") or not measured:
        raise ReportError(f"LoadGen's summary holds no verdict; it begins with {text[:200]!r}; measure again")
    lists = _lists(result)
    checks = {name: value for name, value in pairs.items() if value.lower() in ("yes", "no")}
    stopping = " ".join(lists["early stopping"])
    estimates = {f"Early stopping {name} percentile estimate (ns)": float(n) for name, n in _ESTIMATE.findall(stopping)}
    return Verdict(
        scenario=pairs["Scenario"],
        valid=pairs["Result is"] == "VALID",
        metric=measured[0][0],
        value=float(measured[0][1]),
        checks={**checks, **({"Early stopping": stopping} if stopping else {})},
        numbers={**estimates, **{name: float(value) for name, value in _pairs(stats) if _NUMBER.fullmatch(value)}},
        warnings=tuple(lists["recommendations"]),
    )


def parse_detail(text: str) -> tuple[int, tuple[str, ...]]:
    """Return the number of queries, and the errors and warnings, from a detailed log."""
    events = list(_events(text))
    counts = [int(event["value"]) for event in events if event.get("key") == "result_query_count"]
    troubles = [
        f"LoadGen's {kind}: {event.get('key')}: {event.get('value')}"
        for event in events
        for kind in ("error", "warning")
        if event.get("metadata", {}).get(f"is_{kind}")
    ]
    return (counts[-1] if counts else 0), tuple(dict.fromkeys(troubles))


def _events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith(_MARK):
            try:
                yield json.loads(line.removeprefix(_MARK))
            except ValueError:
                continue  # LoadGen does not escape what it quotes; none of these lines is one we look for


def _section(text: str, name: str) -> list[str]:
    """Return the lines between a heading and the next one."""
    lines = text.splitlines()
    if name not in lines:
        return []
    start = lines.index(name) + 2
    found: list[str] = []
    for line in lines[start:]:
        if line.startswith("==="):
            break
        found.append(line)
    return found


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and not name.strip().startswith("*"):
            yield name.strip(), value.strip()


def _lists(lines: list[str]) -> dict[str, list[str]]:
    """Return the items below each heading of a list; an item may go on in the next line."""
    found: dict[str, list[str]] = {name: [] for name in _LISTS.values()}
    name: str | None = None
    for line in lines:
        if line.strip() in _LISTS:
            name = _LISTS[line.strip()]
        elif name is not None and line.startswith(" * "):
            found[name].append(line[3:].strip())
        elif name is not None and found[name] and line.startswith(" "):
            found[name][-1] += f" {line.strip()}"
    return found
