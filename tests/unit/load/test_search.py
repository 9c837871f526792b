"""The search for the highest rate that keeps a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.load.search import search_rate

if TYPE_CHECKING:
    from harness.load.search import Verdict


def _limit(capacity: float) -> Any:
    def probe(rate: float) -> Verdict:
        return "kept" if rate <= capacity else "missed"

    return probe


@given(capacity=st.floats(5, 50_000), start=st.floats(1, 20_000))
def test_the_bracket_holds_the_capacity(capacity: float, start: float) -> None:
    """Wherever the search begins, the capacity lies within the bracket, whose sides are within the tolerance."""
    bracket = search_rate(_limit(capacity), start_per_s=start, tolerance=0.05, most_steps=60)
    if bracket.kept_per_s is None:
        assert capacity < start / 512
        return
    assert bracket.missed_per_s is not None
    assert bracket.kept_per_s <= capacity < bracket.missed_per_s <= bracket.kept_per_s * 1.05
    assert bracket.why_open == ""


def test_steps_double_and_then_bisect() -> None:
    """100 and 200 keep the limit, 400 does not; then the middle is tried until the bracket is narrow."""
    bracket = search_rate(_limit(310), start_per_s=100, tolerance=0.1)
    assert [rate for rate, _ in bracket.steps] == [100, 200, 400, 300, 350, 325]
    assert str(bracket) == "kept at 300.0/s, missed at 325.0/s"


def test_a_start_above_the_capacity_is_halved() -> None:
    """A first rate that misses the limit is followed by lower ones."""
    bracket = search_rate(_limit(30), start_per_s=200, tolerance=0.2)
    assert [rate for rate, _ in bracket.steps][:4] == [200, 100, 50, 25]
    assert (bracket.kept_per_s, bracket.missed_per_s) == (28.125, 31.25)


def test_a_limit_that_no_rate_keeps_is_told() -> None:
    """A server that misses the limit at any rate ends the search, with the lowest rate tried."""
    bracket = search_rate(lambda _: "missed", start_per_s=100)
    assert bracket.kept_per_s is None
    assert str(bracket).startswith("no rate kept the limit: not even 0.0977/s did")


def test_a_generator_at_its_end_leaves_the_bracket_open() -> None:
    """Where runs are void the rate is the generator's limit, and the bracket says so."""
    bracket = search_rate(lambda rate: "kept" if rate < 500 else "void", start_per_s=100)
    assert bracket.why_open == f"at {bracket.missed_per_s:,.1f}/s the load generator was at its end, not the server"


def test_steps_are_bounded() -> None:
    """A search that may not go on says how wide the bracket is left."""
    bracket = search_rate(_limit(1e6), start_per_s=1, most_steps=3)
    assert (bracket.kept_per_s, bracket.missed_per_s) == (4, None)
    assert bracket.why_open == "3 steps did not narrow it further"


@pytest.mark.parametrize(
    "options", [{"start_per_s": 0}, {"start_per_s": 1, "tolerance": 0}, {"start_per_s": 1, "most_steps": 0}]
)
def test_a_search_that_leads_nowhere_is_refused(options: dict[str, Any]) -> None:
    """No rate, no tolerance or no step is an error."""
    with pytest.raises(UsageError, match="a search needs a rate above 0"):
        search_rate(lambda _: "kept", **options)
