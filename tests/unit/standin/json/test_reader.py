"""The reader agrees with RapidJSON where recordings say how, and with the standard library elsewhere."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.standin.json.reader import parse
from harness.standin.json.syntax import JsonSyntaxError
from harness.standin.json.value import JsonObject, NumberBlock

_SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8)
_DOCUMENTS = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5)
)
_SPACES = st.text(" \t\r\n", max_size=3)


def plain(value: Any) -> Any:
    """Return a parsed document in the standard library's types."""
    if type(value) is NumberBlock:
        return value.to_list()
    if type(value) is JsonObject:
        return {name.decode(): plain(member) for name, member in value.members}
    if type(value) is list:
        return [plain(item) for item in value]
    return value.decode() if type(value) is bytes else value


@given(document=_DOCUMENTS, ascii_only=st.booleans(), space=_SPACES)
@settings(max_examples=200, deadline=None)
def test_valid_documents_read_as_with_the_standard_library(*, document: Any, ascii_only: bool, space: str) -> None:
    """Any document that json.dumps writes is read back equal."""
    text = space + json.dumps(document, ensure_ascii=ascii_only) + space
    assert plain(parse(text.encode())) == document


@given(st.binary(max_size=40) | st.text('{}[]",:0123456789.eE+-ntfaulrsIN\\u ', max_size=40).map(str.encode))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Garbage ends in a value or in a syntax error at an offset inside the document, never otherwise."""
    offset = 0
    try:
        parse(data)
    except JsonSyntaxError as error:
        offset = error.offset
    assert 0 <= offset <= len(data)


@given(st.text('{}[]",:01.eE+-ntfaulrs ', max_size=30))
@settings(max_examples=500, deadline=None)
def test_what_the_standard_library_accepts_is_accepted(text: str) -> None:
    """A document that json.loads takes is taken, with the same value up to the last bit of doubles."""
    try:
        expected = json.loads(text)
    except ValueError:
        return
    value = parse(text.encode())
    if isinstance(expected, float):
        assert math.isclose(value, expected, rel_tol=1e-14) or value == expected
    elif not isinstance(expected, dict | list):
        assert plain(value) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" ", "The document is empty. at offset: 1"),
        ("}", "The document is empty. at offset: 0"),
        (",", "The document is empty. at offset: 0"),
        ("hello", "Invalid value. at offset: 0"),
        ("[[[", "Invalid value. at offset: 3"),
        ("[1.0,]", "Invalid value. at offset: 5"),
        ("[,1]", "Invalid value. at offset: 1"),
        ('{"a"', "Missing a colon after a name of object member. at offset: 4"),
        ('{"a":', "Invalid value. at offset: 5"),
        ('{"a":1', "Missing a comma or '}' after an object member. at offset: 6"),
        ('{"a":1,}', "Missing a name for object member. at offset: 7"),
        ("{1:2}", "Missing a name for object member. at offset: 1"),
        ("[1 2]", "Missing a comma or ']' after an array element. at offset: 3"),
        ("[01]", "Missing a comma or ']' after an array element. at offset: 2"),
        ("[nul]", "Invalid value. at offset: 4"),
        ("[nan]", "Invalid value. at offset: 2"),
        ("[Infinite]", "Invalid value. at offset: 8"),
        ("[-]", "Invalid value. at offset: 2"),
        ("[1.]", "Miss fraction part in number. at offset: 3"),
        ("[1e]", "Miss exponent in number. at offset: 3"),
        ("[1.5e+]", "Miss exponent in number. at offset: 6"),
        ("[1e400]", "Number too big to be stored in double. at offset: 1"),
        ("[0e309]", "Number too big to be stored in double. at offset: 1"),
        ("[1.0, -0.0e99999999999]", "Number too big to be stored in double. at offset: 6"),
        ("[" + "9" * 400 + "]", "Number too big to be stored in double. at offset: 1"),
        ('"abc', "Missing a closing quotation mark in string. at offset: 4"),
        ('"a\x00"', "Missing a closing quotation mark in string. at offset: 2"),
        ('"a\nb"', "Invalid escape character in string. at offset: 2"),
        (r'"a\qb"', "Invalid escape character in string. at offset: 2"),
        (r'"\u12g4"', "Incorrect hex digit after \\u escape in string. at offset: 1"),
        (r'"\ud800A"', "The surrogate pair in string is invalid. at offset: 1"),
        (r'"\ud800\u0041"', "The surrogate pair in string is invalid. at offset: 1"),
    ],
)
def test_syntax_errors_carry_the_text_and_offset_of_rapidjson(text: str, message: str) -> None:
    """A broken document is refused with RapidJSON's sentence and byte offset."""
    with pytest.raises(JsonSyntaxError) as caught:
        parse(text.encode())
    assert str(caught.value) == message


def test_what_follows_the_first_value_is_ignored() -> None:
    """Trailing garbage is not looked at."""
    assert parse(b"[1] trailing") == [1]


def test_the_first_of_equal_names_is_found() -> None:
    """Of duplicate keys the first wins, and both are kept."""
    document = parse(b'{"a": 1, "a": 2}')
    assert document.find(b"a") == 1
    assert [value for _, value in document.members] == [1, 2]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xef", b"\xbb\xbf", b"\xbf"])
def test_a_byte_order_mark_is_skipped_byte_by_byte(mark: bytes) -> None:
    """Each byte of the mark is skipped where it stands, the others need not be there."""
    assert parse(mark + b"[1]") == [1]


def test_strings_are_bytes_and_may_be_no_utf8() -> None:
    """Bytes that are not UTF-8 pass, a lone low surrogate escape becomes three bytes."""
    assert parse(b'["\xe9", "\\udc00", "\\ud83d\\ude00"]') == [b"\xe9", b"\xed\xb0\x80", "\U0001f600".encode()]


def test_a_nul_ends_the_document() -> None:
    """A NUL byte between tokens is the end of the document."""
    with pytest.raises(JsonSyntaxError, match=r"Missing a comma or '\]'"):
        parse(b"[1 \x00]")


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_a_hundred_thousand_levels_are_read(opening: bytes) -> None:
    """Nesting is limited by nothing but memory."""
    closing = {b"[": b"]", b'{"a":': b"}", b'[{"a":': b"}]"}[opening]
    value = parse(opening * 100_000 + b"1" + closing * 100_000)
    depth = 0
    while value != 1:
        value = value[0] if type(value) is list else value.members[0][1]
        depth += 1
    assert depth == 100_000 * (2 if opening.startswith(b"[{") else 1)


def test_lists_of_short_numbers_keep_integers_and_decimals_apart() -> None:
    """The quick way through a list of numbers gives int for integer tokens only."""
    values = parse(b"[1, 2.0 , -0, -0.5, 123456789]")
    assert values == [1, 2.0, 0, -0.5, 123456789]
    assert [type(value) for value in values] == [int, float, int, float, int]


def test_a_list_that_begins_with_numbers_goes_on_with_anything() -> None:
    """What follows the first numbers of a list is read as ever."""
    assert parse(b'[1, 2.5, "x", [3], null]') == [1, 2.5, b"x", [3], None]
