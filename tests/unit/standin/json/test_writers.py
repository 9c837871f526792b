"""Numbers, echoes and replies are written in the server's spelling and layout."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.standin.json.debug import echo
from harness.standin.json.decimal import decimal_texts
from harness.standin.json.double import double_text
from harness.standin.json.reader import parse
from harness.standin.json.reply import predict_reply
from harness.standin.json.status import error_body, proto_string, status_body
from harness.standin.json.tensor import COLUMNS, ROWS
from harness.standin.status import StatusError

_DTYPES: list[np.dtype[Any]] = [np.dtype(np.float32), np.dtype(np.float64)]


def texts_of(values: np.ndarray[Any, Any]) -> list[str]:
    """Return the texts of floats as str."""
    return [text.decode() for text in decimal_texts(values)]


@given(st.sampled_from(_DTYPES), st.data())
@settings(max_examples=200, deadline=None)
def test_written_floats_read_back_and_follow_the_rule(dtype: np.dtype[Any], data: st.DataObject) -> None:
    """A float is %g if that reads back, else %.9g or %.17g, with .0 behind whole numbers; few and many alike."""
    width: Any = dtype.itemsize * 8
    values = data.draw(st.lists(st.floats(width=width), min_size=1, max_size=40))
    array = np.array(values, dtype)
    full = "%.9g" if dtype == np.float32 else "%.17g"
    for value, text in zip(array, texts_of(array), strict=True):
        if not np.isfinite(value):
            assert text in ("NaN", "Infinity", "-Infinity")
        elif abs(value) < np.finfo(dtype).tiny:
            assert text == ("-0.0" if np.signbit(value) else "0.0")
        else:
            assert dtype.type(text) == value
            short = f"{value:g}"
            expected = short if dtype.type(short) == value else full % value
            assert text.removesuffix(".0") == expected.removesuffix(".0")
            assert "." in text or "e" in text


def test_few_and_many_floats_are_written_alike() -> None:
    """The way for long arrays writes what the way for short ones does."""
    rng = np.random.default_rng(7)
    for dtype in _DTYPES:
        bits = rng.bytes(3000 * dtype.itemsize)
        values = np.concatenate(
            [np.frombuffer(bits, dtype), rng.random(500).astype(dtype), np.arange(500, dtype=dtype) / 8]
        )
        single = [texts_of(values[index : index + 1])[0] for index in range(len(values))]
        assert texts_of(values) == single


@pytest.mark.parametrize(
    ("value", "float_text", "double"),
    [
        (9e6, "9e+06", "9e+06"),
        (999999.0, "999999.0", "999999.0"),
        (1e5, "100000.0", "100000.0"),
        (1234560.0, "1.23456e+06", "1.23456e+06"),
        (555557.5, "555557.5", "555557.5"),
        (1 / 3, "0.333333343", "0.33333333333333331"),
        (-0.0, "-0.0", "-0.0"),
        (math.inf, "Infinity", "Infinity"),
        (math.nan, "NaN", "NaN"),
        (1e-40, "0.0", "1e-40"),
        (-1e-40, "-0.0", "-1e-40"),
        (5e-324, "0.0", "0.0"),
    ],
)
def test_floats_recorded_from_the_server(value: float, float_text: str, double: str) -> None:
    """Known values have their known texts in both widths."""
    assert texts_of(np.array([value], np.float32)) == [float_text]
    assert texts_of(np.array([value], np.float64)) == [double]


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=400, deadline=None)
def test_echoed_doubles_read_back(value: float) -> None:
    """The digits of an echoed double stand for that very double."""
    assert struct.pack("d", float(double_text(value))) == struct.pack("d", value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e39, "1e39"),
        (18446744073709551616.0, "18446744073709553000.0"),
        (9.999999999999999e-51, "9.999999999999999e-51"),
        (3.4028235e38, "3.4028235e38"),
        (1000.0, "1000.0"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1e21, "1e21"),
        (1e20, "100000000000000000000.0"),
        (-0.0, "-0.0"),
    ],
)
def test_doubles_are_echoed_as_rapidjson_prints_them(value: float, text: str) -> None:
    """Point and exponent stand where RapidJSON puts them."""
    assert double_text(value) == text


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("[]", "[]"),
        ("{}", "{}"),
        ("[1, -2.50, true, null]", "[1, -2.5, true, null]"),
        ('[{"a": [1.0]}]', '[{\n        "a": [1.0]\n    }]'),
        ('{"a": {"b": []}, "c": "x\\u0001"}', '{\n    "a": {\n        "b": []\n    },\n    "c": "x\\u0001"\n}'),
        ("NaN", ""),
        ("[1, Infinity, 2]", "[1, "),
    ],
)
def test_values_are_echoed_pretty_printed(document: str, text: str) -> None:
    """Objects are indented, arrays are on one line; a number that cannot be written ends the echo."""
    assert echo(parse(document.encode())) == text


def test_an_echo_ends_with_the_token_that_crosses_256_bytes() -> None:
    """The echo is cut between tokens once 256 bytes are out, without closing brackets."""
    assert echo(list(range(1000, 2000))) == "[" + ", ".join(map(str, range(1000, 1043)))
    assert echo([b"a" * 300, 1]) == '["' + "a" * 300 + '"'


def test_an_echo_of_a_deep_document_ends_early() -> None:
    """Depth costs an echo nothing: it is over after 256 brackets."""
    assert echo(parse(b"[" * 50_000 + b"]" * 50_000)) == "[" * 256


_NAMED = {"b": np.array([[1, 2], [3, 4]], np.int32), "a": np.array([True, False])}


@pytest.mark.parametrize(
    ("outputs", "form", "body"),
    [
        ({"y": np.array([2.5, 3.0], np.float32)}, ROWS, '{\n    "predictions": [2.5, 3.0\n    ]\n}'),
        ({"y": np.array([[1], [2]])}, ROWS, '{\n    "predictions": [[1], [2]\n    ]\n}'),
        ({"y": np.zeros((0, 3), np.float32)}, ROWS, '{\n    "predictions": []\n}'),
        ({"y": np.zeros((2, 2, 0))}, ROWS, '{\n    "predictions": [[[], []], [[], []]\n    ]\n}'),
        (
            _NAMED,
            ROWS,
            (
                '{\n    "predictions": [\n        {\n            "a": true,\n            "b": [1, 2]\n        },\n'
                '        {\n            "a": false,\n            "b": [3, 4]\n        }\n    ]\n}'
            ),
        ),
        ({"y": np.float32(6.0)}, COLUMNS, '{\n    "outputs": 6.0\n}'),
        ({"y": np.zeros((2, 0))}, COLUMNS, '{\n    "outputs": [\n        [],\n        []\n    ]\n}'),
        ({"y": np.zeros((0, 2))}, COLUMNS, '{\n    "outputs": []\n}'),
        (
            {"b": np.array([[1, 2]]), "a": np.uint64(2**64 - 1)},
            COLUMNS,
            (
                '{\n    "outputs": {\n        "a": 18446744073709551615,\n        "b": [\n            [\n'
                "                1,\n                2\n            ]\n        ]\n    }\n}"
            ),
        ),
        (
            {"y_bytes": np.array([b"abc"], object)},
            ROWS,
            '{\n    "predictions": [{\n            "b64": "YWJj"\n        }\n    ]\n}',
        ),
        (
            {"y_bytes": np.array([b"abc"], object)},
            COLUMNS,
            '{\n    "outputs": [\n        {\n            "b64": "YWJj"\n        }\n    ]\n}',
        ),
        (
            {"y": np.array([b'"\\/\n\x1f\x7f'], object)},
            ROWS,
            '{\n    "predictions": ["\\"\\\\/\\n\\u001F\x7f"\n    ]\n}',
        ),
    ],
)
def test_replies_have_the_servers_layout(outputs: dict[str, Any], form: str, body: str) -> None:
    """Rows are on one line each, columns have one value per line."""
    assert predict_reply(outputs, form) == body.encode()


def test_strings_that_are_no_utf8_go_out_as_they_are() -> None:
    """Bytes are not checked on their way into a reply."""
    assert (
        predict_reply({"y": np.array([b"\xff"], object)}, COLUMNS) == b'{\n    "outputs": [\n        "\xff"\n    ]\n}'
    )


@pytest.mark.parametrize(
    ("outputs", "form", "message"),
    [
        ({"y": np.zeros(2, np.float16)}, ROWS, "Failed to write JSON value for tensor type: half"),
        ({"y": np.zeros(2, np.complex64)}, COLUMNS, "Failed to write JSON value for tensor type: complex64"),
        ({"y": np.float32(1)}, ROWS, "Tensor name: y has no shape information "),
        (
            {"a": np.zeros(2), "b": np.zeros(3)},
            ROWS,
            "Tensor name: b has inconsistent batch size: 3 expecting: 2",
        ),
        ({}, ROWS, "Cannot convert empty tensor map to JSON"),
    ],
)
def test_outputs_that_json_cannot_hold_are_refused(outputs: dict[str, Any], form: str, message: str) -> None:
    """The error names the dtype, or the output that spoils the batch."""
    with pytest.raises(StatusError) as caught:
        predict_reply(outputs, form)
    assert (caught.value.code, caught.value.message) == ("INVALID_ARGUMENT", message)


def test_an_error_body_keeps_bytes_that_are_no_utf8() -> None:
    """What came in as a byte goes out as that byte."""
    assert error_body("a\udce9\n") == b'{\n    "error": "a\xe9\\n"\n}'


def test_status_bodies_have_one_space_steps_and_string_versions() -> None:
    """Versions are strings, empty messages are printed, the text ends in a newline."""
    assert status_body([(3, "AVAILABLE", "OK", "")]) == (
        b'{\n "model_version_status": [\n  {\n   "version": "3",\n   "state": "AVAILABLE",\n   "status": {\n'
        b'    "error_code": "OK",\n    "error_message": ""\n   }\n  }\n ]\n}\n'
    )


def test_protobuf_strings_escape_what_is_dangerous_in_pages() -> None:
    """Angle brackets and invisible characters are escaped, other text is not."""
    assert proto_string("<é\u2028\x01>") == '"\\u003cé\\u2028\\u0001\\u003e"'
