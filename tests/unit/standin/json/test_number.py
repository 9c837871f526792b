"""Numbers have the kinds and the bits that RapidJSON gives them."""

from __future__ import annotations

import math
import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.standin.json.number import read_number
from harness.standin.json.syntax import JsonSyntaxError


def read(text: str) -> int | float:
    """Read a whole text as a number."""
    value, end = read_number(text.encode(), 0)
    assert end == len(text)
    return value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("-0", 0),
        ("4294967296", 4294967296),
        ("9223372036854775808", 9223372036854775808),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 18446744073709551616.0),
        ("-9223372036854775809", -9223372036854775808.0),
        ("-0.0", -0.0),
        ("1e3", 1000.0),
        ("1E+2", 100.0),
        ("1e-50", 9.999999999999999e-51),
        ("1e-30", 9.999999999999999e-31),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("2.2250738585072014e-308", 2.2250738585072014e-308),
        ("5e-324", 0.0),
        ("-5e-324", -0.0),
        ("1e-400", 0.0),
        ("0e308", 0.0),
        ("0.0e309", 0.0),
        ("1e-99999999999999999999", 0.0),
        ("Infinity", math.inf),
        ("-Inf", -math.inf),
    ],
)
def test_values_are_those_of_the_server(text: str, expected: float) -> None:
    """Kind, sign and bits of a number follow its token."""
    value = read(text)
    assert type(value) is type(expected)
    assert struct.pack("d", value) == struct.pack("d", expected)


def test_nan_is_nan_with_any_sign() -> None:
    """NaN is a number token, and -NaN is the same."""
    assert math.isnan(read("NaN"))
    assert math.isnan(read("-NaN"))


@given(digits=st.integers(0, 10**15 - 1), places=st.integers(0, 15), negative=st.booleans())
@settings(max_examples=300, deadline=None)
def test_up_to_fifteen_digits_are_rounded_correctly(*, digits: int, places: int, negative: bool) -> None:
    """Where one rounding is enough, the double is the nearest one."""
    text = str(digits).rjust(places + 1, "0")
    text = f"{text[:-places]}.{text[-places:]}" if places else text + ".0"
    text = "-" + text if negative else text
    assert read(text) == float(text)


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
@settings(max_examples=500, deadline=None)
def test_any_double_is_read_within_a_few_units_of_its_last_bit(value: float) -> None:
    """RapidJSON's few roundings stay near the nearest double."""
    token = repr(value)
    seen = read(token if any(mark in token for mark in ".eE") else token + ".0")
    if abs(value) < 1e-300:
        assert abs(seen) <= abs(value) + 1e-300
    else:
        assert abs(seen - value) <= 4 * math.ulp(value)


@given(st.integers(-(10**40), 10**40))
@settings(max_examples=300, deadline=None)
def test_integers_beyond_64_bits_become_doubles(value: int) -> None:
    """An integer token is an int if int64 or uint64 holds it, else a double near it."""
    seen = read(str(value))
    if -(2**63) <= value < 2**64:
        assert seen == value
        assert type(seen) is int
    else:
        assert type(seen) is float
        assert math.isclose(seen, value, rel_tol=1e-14)


@pytest.mark.parametrize(
    ("text", "expected"), [(b"NInf", math.inf), (b"-NaInfinity", -math.inf), (b"Inf.5", 0.5), (b"-Infinitye9", -0.0)]
)
def test_words_are_read_letter_by_letter(text: bytes, expected: float) -> None:
    """A NaN that breaks off may go on as Infinity, and what follows a word is taken for a number's places."""
    value, end = read_number(text, 0)
    assert (value, math.copysign(1, value), end) == (expected, math.copysign(1, expected), len(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"9" * 400 + b".", "Number too big to be stored in double. at offset: 0"),
        (b"9" * 400 + b"e+", "Number too big to be stored in double. at offset: 0"),
        (b"Infe", "Miss exponent in number. at offset: 4"),
        (b"NaN.", "Miss fraction part in number. at offset: 4"),
        (b"-NaIN", "Invalid value. at offset: 4"),
    ],
)
def test_the_first_fault_of_a_number_is_told(text: bytes, message: str) -> None:
    """Too many digits come before what is missing behind them."""
    with pytest.raises(JsonSyntaxError, match=f"^{re.escape(message)}$"):
        read_number(text, 0)
