"""The vectorised reader gives what the exact reader gives, or declines."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.standin.json import dense as dense_module
from harness.standin.json.reader import parse
from harness.standin.json.syntax import JsonSyntaxError
from harness.standin.json.value import NumberBlock

_TOKENS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.decimals(-1000, 1000, allow_nan=False, places=3).map(str),
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,10})?\Z"),
    st.sampled_from(["0", "-0", "-0.0", "1e5", "0.1234567890123456789", "123456789012345678", "9007199254740993.5"]),
)


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small documents take the vectorised way, in several chunks."""
    monkeypatch.setattr(dense_module, "DENSE_MIN_BYTES", 2)
    monkeypatch.setattr("harness.standin.json.reader.DENSE_MIN_BYTES", 2)
    monkeypatch.setattr(dense_module, "_CHUNK_BYTES", 64)


def outcome(data: bytes, *, dense: bool) -> str:
    """Return what a reader makes of a document, bit for bit."""
    try:
        value = parse(data, dense=dense)
    except JsonSyntaxError as error:
        return f"error: {error}"
    return repr(listed(value))


def listed(value: Any) -> Any:
    """Return the document without blocks."""
    if type(value) is NumberBlock:
        return value.to_list()
    return [listed(item) for item in value] if type(value) is list else value


def nested(tokens: list[str], rows: int, space: str) -> bytes:
    """Return the tokens as a list of rows."""
    width = max(1, len(tokens) // rows)
    lines = [tokens[start : start + width] for start in range(0, len(tokens), width)]
    return ("[" + ",".join("[" + f",{space}".join(line) + "]" for line in lines) + "]").encode()


@given(st.lists(_TOKENS, min_size=1, max_size=40), st.integers(1, 5), st.sampled_from(["", " ", "\n  "]))
@settings(max_examples=400, deadline=None)
def test_both_readers_agree_on_lists_of_numbers(tokens: list[str], rows: int, space: str) -> None:
    """Every number has the same kind and the same bits in both readers."""
    data = nested(tokens, rows, space)
    assert outcome(data, dense=True) == outcome(data, dense=False)


@given(st.text("[]0123456789,.-eE ", max_size=60))
@settings(max_examples=600, deadline=None)
def test_both_readers_agree_on_anything_like_a_list(text: str) -> None:
    """Errors are the same as well."""
    data = ("[" + text + "]").encode()
    assert outcome(data, dense=True) == outcome(data, dense=False)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(24).reshape(2, 3, 4),
        np.arange(30, dtype=np.float32).reshape(5, 6) / 7,
        np.linspace(-1, 1, 100),
        np.arange(6).reshape(1, 1, 6, 1),
    ],
)
def test_regular_arrays_come_back_as_blocks(values: np.ndarray[Any, Any]) -> None:
    """A large array of numbers is one block of the right shape."""
    block = parse(json.dumps(values.tolist()).encode())
    assert type(block) is NumberBlock
    assert block.shape == values.shape
    np.testing.assert_allclose(block.values.reshape(block.shape), values)


@pytest.mark.parametrize("text", ["[[1,2],[3]]", "[1,[2]]", "[[1],[]]", '[1,"a"]', "[1,true]", "[[1,2],3]", "[NaN,1]"])
def test_irregular_arrays_are_left_to_the_exact_reader(text: str) -> None:
    """What is no regular array of plain numbers is no block."""
    assert type(parse(text.encode())) is list


def test_integers_beyond_a_doubles_precision_keep_their_digits() -> None:
    """A list that mixes doubles with long integers is not squeezed into doubles."""
    assert listed(parse(b"[9007199254740993, 0.5, 1, 2]")) == [9007199254740993, 0.5, 1, 2]
    assert listed(parse(b"[9223372036854775807, -9223372036854775808, 1]")) == [2**63 - 1, -(2**63), 1]
    assert listed(parse(b"[18446744073709551615, 1, 2, 3]")) == [2**64 - 1, 1, 2, 3]


def test_a_long_integer_keeps_its_digits_when_doubles_come_in_a_later_chunk() -> None:
    """A chunk of integers is not squeezed into doubles for the sake of the next."""
    values = [123456789012345678] * 10 + [0.5] * 10
    assert listed(parse(json.dumps(values).encode())) == values
    assert listed(parse(json.dumps([-(2**63)] * 10 + [0.5]).encode())) == [-(2**63)] * 10 + [0.5]
