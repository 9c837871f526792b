"""text and multi: bytes and dtypes beyond their examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import multi, text

if TYPE_CHECKING:
    from collections.abc import Callable


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])).map(str.encode), max_size=4))
def test_any_text_is_answered_as_in_python(run: Callable[..., dict[str, Any]], texts: list[bytes]) -> None:
    """The TensorFlow operations and plain Python agree on every valid text, and on no texts at all."""
    answer = run(text, "serving_default", {"text": np.array([*texts, b"-"], dtype=object)[: len(texts)]})
    wanted = text.expected(texts)
    assert {name: array.tolist() for name, array in answer.items()} == {k: v.tolist() for k, v in wanted.items()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=20))
def test_any_bytes_are_reversed_and_counted(run: Callable[..., dict[str, Any]], raw: bytes) -> None:
    """Bytes that are no UTF-8 travel unchanged, and the normalised text is valid all the same."""
    answer = run(text, "serving_default", {"text": np.array([raw, b""], dtype=object)[:1]})
    assert answer["reversed_bytes"].tolist() == [raw[::-1]]
    assert answer["length"].tolist() == [len(raw)]
    assert isinstance(answer["normalised"][0].decode("utf-8"), str)


def test_ids_beyond_double_precision_are_exact(run: Callable[..., dict[str, Any]]) -> None:
    """An int64 that no float64 can hold is counted on exactly."""
    (example, *_) = multi.examples()
    inputs = {**example.inputs, "ids": np.array([2**62 + 1], np.int64)}
    answer = run(multi, "serving_default", inputs)
    assert answer["next_id"].tolist() == [2**62 + 2]
    assert answer["tagged"][0].endswith(b"#4611686018427387905")


def test_multi_covers_five_input_dtypes() -> None:
    """The examples feed floats, integers, booleans, bytes and small unsigned integers."""
    (example, *_) = multi.examples()
    assert {array.dtype.name for array in example.inputs.values()} == {"float32", "int64", "bool", "object", "uint8"}
