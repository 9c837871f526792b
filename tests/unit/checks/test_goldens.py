"""Goldens: files of requests with the answers they must bring."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.checks import Golden, check_golden, read_goldens, record_golden, write_golden
from harness.dtypes import DTYPES
from harness.errors import CallError, CheckError
from harness.tensors import as_array

if TYPE_CHECKING:
    from pathlib import Path

_X = {"x": np.ones((2, 2), np.float32)}
_Y = {"y": np.array([1.5, 2.5], np.float32)}


def _golden(**changes: Any) -> Golden:
    return Golden(**{"name": "case", "inputs": _X, "outputs": _Y, **changes})


def _same(left: Any, right: Any) -> None:
    assert left.keys() == right.keys()
    for name, array in left.items():
        assert array.dtype == right[name].dtype
        assert array.shape == right[name].shape
        assert array.tolist() == right[name].tolist() or np.isnan(array.astype(np.complex128)).any()


def test_a_case_comes_back_from_its_file(tmp_path: Path) -> None:
    """Everything of a case is in its file, under its name, and the folder is made."""
    golden = _golden(name="v1.0-a_b", signature_name="s", rtol=0.1, atol=0.2, provenance={"b": "2", "a": "1"})
    path = write_golden(golden, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "v1.0-a_b.json"
    assert [child.name for child in path.parent.iterdir()] == [path.name]
    (again,) = read_goldens(path.parent)
    assert (again.name, again.signature_name, again.rtol, again.atol) == ("v1.0-a_b", "s", 0.1, 0.2)
    assert again.provenance == {"a": "1", "b": "2"}
    _same(again.inputs, golden.inputs)
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
    got = again.inputs["x"]
    assert got.dtype == array.dtype
    assert got.shape == array.shape
    np.testing.assert_array_equal(got.astype(np.complex128), array.astype(np.complex128))


def test_text_and_bytes_come_back(tmp_path: Path) -> None:
    """Strings of every kind are kept, also under names that end in _bytes."""
    strings = as_array(["é", b"\xff\0", "", "\u2028"], "string")
    write_golden(_golden(inputs={"a": strings, "b_bytes": strings.reshape(2, 2)}), tmp_path)
    (again,) = read_goldens(tmp_path)
    assert again.inputs["a"].tolist() == strings.tolist()
    assert again.inputs["b_bytes"].tolist() == strings.reshape(2, 2).tolist()


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
        ({"rtol": -1.0}, "tolerances below 0"),
        ({"atol": float("nan")}, "tolerances below 0"),
    ],
)
def test_cases_that_make_no_sense_are_refused(changes: dict[str, Any], text: str) -> None:
    """Names that are no file names and tolerances below 0 are errors."""
    with pytest.raises(CheckError, match=text):
        _golden(**changes)


def _document(**changes: Any) -> dict[str, Any]:
    tensor = {"dtype": "float32", "shape": [2], "values": [1.0, 2.0]}
    return {
        "format": 1,
        "signature_name": "s",
        "inputs": {"x": tensor},
        "outputs": {"y": tensor},
        "rtol": 0.0,
        "atol": 0.0,
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
    (_document(format=2), "has format 2; this harness reads format 1"),
    ({}, "is not a golden .*KeyError"),
    (_document(inputs=[1]), "is not a golden"),
    (_document(provenance=1), "is not a golden"),
    (_document(rtol="much"), "is not a golden"),
    (_document(rtol=-1), "tolerances below 0"),
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


def test_recording_takes_the_answer_and_its_origin(make: Any) -> None:
    """A recorded case has the outputs that came, with the version that gave them."""
    client = make.client("grpc", {}, lambda _inputs, _layout: _Y)
    golden = record_golden(client, "case", _X, signature_name="s", provenance={"backend": "standin"})
    assert golden.provenance == {"model_version": "7", "backend": "standin"}
    assert golden.signature_name == "s"
    _same(golden.outputs, _Y)


def test_an_answer_with_nan_is_not_recorded(make: Any) -> None:
    """NaN is refused when it would be recorded, and a refusal of the server is raised as it is."""
    with pytest.raises(CheckError, match="holds NaN"):
        record_golden(make.client("grpc", {}, lambda *_: {"y": np.array([np.nan])}), "case", _X)
    with pytest.raises(CallError):
        record_golden(make.client("grpc", {}, make.refuse), "case", _X)


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_the_recorded_answer_passes(make: Any, api: str) -> None:
    """An answer within tolerance passes, with no lines to reproduce it."""
    client = make.client(api, {}, lambda *_: {"y": _Y["y"] + np.float32(1e-7), "more": np.zeros(1)})
    finding = check_golden(client, _golden())
    assert finding.passed
    assert not finding.fails
    assert finding.subject == f"case over {'gRPC' if api == 'grpc' else 'REST'}"
    assert finding.reproduce == ()


@pytest.mark.parametrize("api", ["grpc", "rest"])
@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ({"y": np.array([1.5, 9.0], np.float32)}, r"y: \[1\] is 9.0, expected 2.5"),
        ({"y": np.array([1.5, np.nan], np.float32)}, r"y: \[1\] is nan"),
        ({"z": _Y["y"]}, "y: is missing"),
        ({"y": _Y["y"].astype(np.float64)}, "y: dtype float64, expected float32"),
        ({"y": _Y["y"][:1]}, r"y: shape \[1\], expected \[2\]"),
    ],
)
def test_another_answer_fails(make: Any, api: str, outputs: dict[str, np.ndarray], text: str) -> None:
    """Another value, dtype, shape or a missing output fails, with a line that shows it again."""
    import re

    finding = check_golden(make.client(api, {}, lambda *_: outputs), _golden())
    assert finding.fails
    assert re.search(text, finding.seen)
    assert ("curl" if api == "rest" else "GrpcClient") in finding.reproduce[0]


def test_a_refused_call_fails(make: Any) -> None:
    """A server that refuses the recorded inputs fails the check with its text."""
    finding = check_golden(make.client("grpc", {}, make.refuse), _golden())
    assert finding.fails
    assert "NOT_FOUND: no model here" in finding.seen


def test_inputs_an_api_cannot_carry_fail(make: Any) -> None:
    """Complex inputs over REST fail the check instead of ending the run, and there is nothing to paste."""
    from harness.clients.rest_codec import predict_body

    def answer(inputs: Any, layout: Any) -> dict[str, np.ndarray]:
        predict_body(inputs, signature_name="s", layout=layout)
        return _Y

    finding = check_golden(make.client("rest", {}, answer), _golden(inputs={"x": np.zeros(1, np.complex64)}))
    assert finding.fails
    assert "send them over gRPC" in finding.seen
    assert finding.reproduce == ()
