"""Files of goldens: what is written comes back, and what is no golden is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.checks import Golden, read_goldens, write_golden
from harness.checks.request import Request
from harness.checks.tolerance import Tolerance
from harness.clients.examples import serialized_example
from harness.dtypes import DTYPES
from harness.errors import CheckError
from harness.tensors import as_array

if TYPE_CHECKING:
    from pathlib import Path

_X = {"x": np.ones((2, 2), np.float32)}
_Y = {"y": np.array([1.5, 2.5], np.float32)}


def _golden(*, inputs: Any = _X, **changes: Any) -> Golden:
    return Golden(**{"name": "case", "request": Request(inputs=inputs), "outputs": _Y, **changes})


def _same(left: Any, right: Any) -> None:
    assert left.keys() == right.keys()
    for name, array in left.items():
        assert array.dtype == right[name].dtype
        assert array.shape == right[name].shape
        assert array.tolist() == right[name].tolist() or np.isnan(array.astype(np.complex128)).any()


def test_a_case_comes_back_from_its_file(tmp_path: Path) -> None:
    """Everything of a case is in its file, under its name, and the folder is made."""
    loose = {"float32": Tolerance(rtol=0.1, atol=0.2, roundings=3)}
    request = Request(signature_name="s", inputs=_X)
    golden = _golden(name="v1.0-a_b", request=request, tolerances=loose, provenance={"b": "2", "a": "1"})
    path = write_golden(golden, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "v1.0-a_b.json"
    assert [child.name for child in path.parent.iterdir()] == [path.name]
    (again,) = read_goldens(path.parent)
    assert (again.name, again.request.signature_name, again.request.method) == ("v1.0-a_b", "s", "predict")
    assert again.request.source == "golden v1.0-a_b"
    assert again.tolerances == loose
    assert again.provenance == {"a": "1", "b": "2"}
    _same(again.request.inputs, _X)
    _same(again.outputs, golden.outputs)


_HELD = [row for row in DTYPES if row.numpy_name is not None and not row.name.startswith("q") and not row.is_string]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_array_comes_back_exactly(tmp_path: Path, data: st.DataObject) -> None:
    """Values of every dtype, complex and half floats among them, are in the file exactly; inputs may be NaN."""
    row = data.draw(st.sampled_from(_HELD))
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    count = int(np.prod(shape))
    elements = st.floats(width=32) if row.kind in {"float", "complex"} else st.integers(0, 1)
    numbers = data.draw(st.lists(elements, min_size=count, max_size=count))
    with np.errstate(all="ignore"):
        array = np.array(numbers, np.float64).astype(row.numpy).reshape(shape)
    write_golden(_golden(inputs={"x": array}), tmp_path)
    (again,) = read_goldens(tmp_path)
    got = again.request.inputs["x"]
    assert got.dtype == array.dtype
    assert got.shape == array.shape
    np.testing.assert_array_equal(got.astype(np.complex128), array.astype(np.complex128))


def test_text_and_bytes_come_back(tmp_path: Path) -> None:
    """Strings of every kind are kept, also under names that end in _bytes."""
    strings = as_array(["é", b"\xff\0", "", "\u2028"], "string")
    write_golden(_golden(inputs={"a": strings, "b_bytes": strings.reshape(2, 2)}), tmp_path)
    (again,) = read_goldens(tmp_path)
    assert again.request.inputs["a"].tolist() == strings.tolist()
    assert again.request.inputs["b_bytes"].tolist() == strings.reshape(2, 2).tolist()


@pytest.mark.parametrize("method", ["classify", "regress"])
@pytest.mark.parametrize("context", [None, {"lang": "de"}, {}])
def test_examples_come_back(tmp_path: Path, method: Any, context: Any) -> None:
    """The features of tf.Examples are in the file with their kinds, and so is the context if there is one."""
    features = {
        "x": 1.0,
        "n": [1, 2],
        "b": [b"\xff\0", b"text"],
        "t": "é",
        "none": [],
        "a": np.array([0.1], np.float32),
    }
    request = Request(signature_name="s", method=method, examples=(features, {"x": 2.0}), context=context)
    write_golden(_golden(request=request), tmp_path)
    (again,) = read_goldens(tmp_path)
    assert again.request.method == method
    assert [serialized_example(one) for one in again.request.examples] == [
        serialized_example(one) for one in request.examples
    ]
    assert again.request.context == context


def test_cases_come_sorted_and_no_folder_has_none(tmp_path: Path) -> None:
    """The order of cases is that of their names; other files are not looked at."""
    for name in ("b", "a", "c"):
        write_golden(_golden(name=name), tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    assert [golden.name for golden in read_goldens(tmp_path)] == ["a", "b", "c"]
    assert read_goldens(tmp_path / "none") == []


@pytest.mark.parametrize(
    "array",
    [np.array([[1.0, np.nan]]), np.array(np.nan), np.array([np.nan], ml_dtypes.bfloat16), np.array([np.nan * 1j])],
)
def test_nan_is_refused_as_an_expectation(array: np.ndarray) -> None:
    """No answer could ever match NaN; the message says where it is and what to do."""
    with pytest.raises(CheckError, match=r"golden 'case': output 'y' holds NaN at \[.*Record the case anew"):
        _golden(outputs={"y": array})


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": "../x"}, "'../x' cannot name a golden"),
        ({"name": ""}, "'' cannot name a golden"),
        ({"name": ".hidden"}, "cannot name a golden"),
        ({"name": "a/b"}, "cannot name a golden"),
        ({"tolerances": {"int32": Tolerance(rtol=1, atol=1)}}, "tolerance for int32, but only floats have"),
    ],
)
def test_cases_that_make_no_sense_are_refused(changes: dict[str, Any], text: str) -> None:
    """Names that are no file names and tolerances for what must be equal are errors."""
    with pytest.raises(CheckError, match=text):
        _golden(**changes)


def _document(**changes: Any) -> dict[str, Any]:
    tensor = {"dtype": "float32", "shape": [2], "values": [1.0, 2.0]}
    return {
        "format": 2,
        "signature_name": "s",
        "method": "predict",
        "inputs": {"x": tensor},
        "outputs": {"y": tensor},
        "tolerance": {},
        "provenance": {},
        **changes,
    }


def _tensor(**changes: Any) -> dict[str, Any]:
    return {"y": {"dtype": "float32", "shape": [2], "values": [1.0, 2.0], **changes}}


BAD_FILES: list[tuple[Any, str]] = [
    ("not json", "is not a golden"),
    ("", "is not a golden"),
    ("[1]", "is not a golden"),
    ("[" * 100_000, "is not a golden"),
    (b"\xff", "is not a golden"),
    (_document(format=1), "has format 1; this harness reads format 2"),
    (_document(method="prophesy"), "'prophesy' is no method of an API"),
    (_document(method="classify"), "is not a golden .*KeyError"),
    (_document(method="classify", examples=[1]), "an example is an object of features by name"),
    ({}, "is not a golden .*KeyError"),
    (_document(inputs=[1]), "is not a golden"),
    (_document(provenance=1), "is not a golden"),
    (_document(tolerance={"float32": {"rtol": "much", "atol": 0}}), "is not a golden"),
    (_document(tolerance={"float32": {"rtol": -1, "atol": 0}}), "case.json: tolerances below 0"),
    (_document(tolerance={"float32": {"rtol": 1}}), "is not a golden"),
    (_document(tolerance={"string": {"rtol": 1, "atol": 0}}), "only floats have tolerances"),
    (_document(outputs=_tensor(values=[1.0])), "is not a golden"),
    (_document(outputs=_tensor(values=["a", "b"])), "are not float32"),
    (_document(outputs=_tensor(values=[1e39, 0])), "cannot be held in float32"),
    (_document(outputs=_tensor(shape=[-1])), r"\[-1\] is no shape"),
    (_document(outputs=_tensor(shape=[2.0])), r"\[2.0\] is no shape"),
    (_document(outputs=_tensor(shape=2)), "is not a golden"),
    (_document(outputs=_tensor(dtype="float31")), "'float31' is not a TensorFlow dtype"),
    (_document(outputs=_tensor(dtype="complex64", shape=[1], values=[1.0])), "is not a golden"),
    (_document(outputs=_tensor(values=[float("nan"), 1.0])), "holds NaN"),
]


@pytest.mark.parametrize(("content", "text"), BAD_FILES)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, content: Any, text: str) -> None:
    """A file that is no golden is a CheckError with its path or its case's name, whatever is wrong with it."""
    data = content if isinstance(content, bytes | str) else json.dumps(content)
    (tmp_path / "case.json").write_bytes(data.encode() if isinstance(data, str) else data)
    with pytest.raises(CheckError, match=text) as caught:
        read_goldens(tmp_path)
    assert "case" in str(caught.value)


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    """A folder under a golden's name, or a file where the folder should be, are CheckErrors."""
    (tmp_path / "case.json").mkdir()
    with pytest.raises(CheckError, match=r"case.json cannot be read: Is a directory"):
        read_goldens(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckError, match=r"case.json cannot be written"):
        write_golden(_golden(), tmp_path / "file")
