"""Absolute promises: how they are typed, and whether they are kept."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import UsageError
from harness.gate.blocks import Block
from harness.gate.budgets import judge_budgets, parse_budget


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("p99=20ms", "p99 <= 20.0 ms"),
        ("p99.9 = 1.5s", "p99.9 <= 1.50 s"),
        ("p50=800us", "p50 <= 800 µs"),
        ("cpu_us=500", "cpu_us <= 500 us"),
        ("memory=512MiB", "memory <= 512 MiB"),
        ("rate=1000", "rate >= 1,000/s"),
        ("ready=30s", "ready <= 30 s"),
        ("load=500ms", "load <= 0.5 s"),
    ],
)
def test_budgets_are_read(given: str, text: str) -> None:
    """A name, a number and a unit are read, and said again in words."""
    assert str(parse_budget(given)) == text


@pytest.mark.parametrize(
    "given",
    [
        "p99",
        "p99=20",
        "p0=1ms",
        "p100=1ms",
        "speed=3",
        "memory=1",
        "cpu_us=-1",
        "cpu_us=0",
        "rate=1x",
        "p99=1e99ms=",
        "",
    ],
)
def test_what_is_no_budget_is_refused(given: str) -> None:
    """A missing unit, an unknown name or a limit that is not above 0 is named, with examples or the units."""
    with pytest.raises(UsageError, match=r"budget.*(e\.g\. p99=20ms|a unit are needed)"):
        parse_budget(given)


def _blocks(**values: float) -> list[Block]:
    samples = tuple(float(ns) for ns in range(1_000_000, 1_600_000, 1_000))  # 600 of them: p99 is 1.594 ms
    return [
        Block(side="candidate", start=1, values=values, samples_ns=samples),
        Block(side="candidate", start=1, values={name: 99 * value for name, value in values.items()}, void="busy"),
    ]


@pytest.mark.parametrize(
    ("given", "state", "seen"),
    [
        ("p99=1.6ms", "kept", "1.59 ms"),
        ("p99=1.5ms", "broken", "1.59 ms"),
        ("p99.9=9s", "unknown", "insufficient samples (600 of 4,603)"),
        ("cpu_us=500", "kept", "400 us"),
        ("cpu_us=399", "broken", "400 us"),
        ("rate=100", "broken", "50.0/s"),
        ("rate=50", "kept", "50.0/s"),
        ("memory=2GiB", "unknown", "it could not be measured"),
        ("ready=2s", "broken", "3 s"),
        ("ready=3s", "kept", "3 s"),
    ],
)
def test_promises_are_judged(given: str, state: str, seen: str) -> None:
    """Medians of the blocks that count, percentiles of all their samples, the worst start; too little is not kept."""
    (kept,) = judge_budgets([parse_budget(given)], _blocks(cpu_us=400.0, rate_per_s=50.0), {"ready_s": (1.0, 3.0)})
    assert (kept.state, kept.seen) == (state, seen)


def test_no_budgets_no_judgement() -> None:
    """Without a promise there is nothing to break."""
    nothing: Any = judge_budgets([], [], {})
    assert nothing == []
