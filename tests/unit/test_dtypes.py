"""The dtype table against TensorFlow's own."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from harness.dtypes import DTYPES, DType, dtype_of_array, dtype_of_enum, dtype_of_name
from harness.errors import TensorError
from harness.protos import tensor_pb2, types_pb2

_HELD = [row for row in DTYPES if row.numpy_name is not None]


def _ids(rows: list[DType]) -> list[str]:
    return [row.name for row in rows]


def test_the_table_is_types_proto() -> None:
    """Every DataType but the reference types has a row, with its own number and label."""
    of_proto = {name: number for name, number in types_pb2.DataType.items() if not name.endswith("_REF")}
    assert {row.label: row.enum for row in DTYPES} == of_proto


@pytest.mark.parametrize("row", [row for row in DTYPES if row.field], ids=lambda row: row.name)
def test_every_field_is_one_of_tensor_proto(row: DType) -> None:
    """The field of typed values exists in TensorProto."""
    assert row.field in tensor_pb2.TensorProto.DESCRIPTOR.fields_by_name


@pytest.mark.parametrize("row", _HELD, ids=_ids(_HELD))
def test_names_and_numpy_types_are_tensorflows(row: DType, tf: Any) -> None:
    """TensorFlow knows the same name and number, and the same NumPy type (quantised types as their plain ones)."""
    dtype = tf.dtypes.as_dtype(row.enum)
    assert dtype.name == row.name
    theirs = np.dtype(dtype.as_numpy_dtype)
    assert row.numpy == (theirs if theirs.fields is None else next(iter(theirs.fields.values()))[0])


@pytest.mark.parametrize("row", DTYPES, ids=lambda row: row.name)
def test_rows_are_found_by_number_name_and_label(row: DType) -> None:
    """A row is found by its number, its short name and its enum name."""
    assert dtype_of_enum(row.enum) is dtype_of_name(row.name) is dtype_of_name(row.label) is row


@pytest.mark.parametrize("row", [row for row in _HELD if not row.name.startswith("q")], ids=lambda row: row.name)
def test_an_array_stands_for_its_own_dtype(row: DType) -> None:
    """An array of a dtype's NumPy type is of that dtype, in either byte order."""
    array = np.zeros(2, dtype=row.numpy)
    assert dtype_of_array(array) is row
    if row.is_native and not row.is_string:
        assert dtype_of_array(array.astype(row.numpy.newbyteorder())) is row


@pytest.mark.parametrize("values", [np.array(["a"]), np.array([b"a"]), np.array(["a"], dtype=object)])
def test_text_of_any_width_is_string(values: np.ndarray) -> None:
    """Fixed-width text, fixed-width bytes and objects are all string tensors."""
    assert dtype_of_array(values).is_string


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy 1 has no variable-width text")
def test_numpys_variable_width_text_is_string() -> None:
    """NumPy 2's StringDType arrays are string tensors."""
    assert dtype_of_array(np.array(["a"], dtype=np.dtypes.StringDType())).is_string


@pytest.mark.parametrize("name", ["longlong", "ulonglong", "intc", "uintc"])
def test_c_names_of_integers_are_known(name: str) -> None:
    """C's integer types are the TensorFlow type of their width."""
    array = np.zeros(1, dtype=name)
    assert dtype_of_array(array).numpy.itemsize == array.itemsize


@pytest.mark.parametrize("dtype", ["datetime64[s]", "timedelta64[s]", "longdouble", [("a", "i4")], "V3"])
def test_types_tensorflow_lacks_are_refused(dtype: Any) -> None:
    """Dates, long doubles and records have no TensorFlow dtype; the message says to convert."""
    with pytest.raises(TensorError, match=r"has no TensorFlow dtype; convert it first"):
        dtype_of_array(np.zeros(1, dtype=dtype))


@pytest.mark.parametrize("number", [-1, 101, 34, 10**9])
def test_unknown_numbers_are_refused(number: int) -> None:
    """Reference types and unknown numbers are no dtypes of tensors."""
    with pytest.raises(TensorError, match=f"{number} is not a TensorFlow dtype"):
        dtype_of_enum(number)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    """A name that is no dtype is refused with the list of those that are."""
    with pytest.raises(TensorError, match=r"'float' is not a TensorFlow dtype; known are .*float32, float64"):
        dtype_of_name("float")


@pytest.mark.parametrize("name", ["invalid", "resource", "variant"])
def test_opaque_types_have_no_numpy_type(name: str) -> None:
    """Resources and variants cannot be held in arrays."""
    assert dtype_of_name(name).kind == "opaque"
    with pytest.raises(TensorError, match="cannot be held in a NumPy array"):
        _ = dtype_of_name(name).numpy


def test_a_type_the_installed_ml_dtypes_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old ml_dtypes without the type gives an error that says to install a newer one."""
    monkeypatch.delattr(ml_dtypes, "bfloat16")
    row = DType(name="x", enum=14, label="DT_X", numpy_name="bfloat16", field=None)
    with pytest.raises(TensorError, match="install a newer one"):
        _ = row.numpy


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bool", "bool"),
        ("int4", "int"),
        ("qint32", "int"),
        ("quint8", "uint"),
        ("uint2", "uint"),
        ("bfloat16", "float"),
        ("float8_e5m2", "float"),
        ("complex64", "complex"),
        ("string", "string"),
    ],
)
def test_kinds_tell_what_the_values_are(name: str, kind: str) -> None:
    """The kind is told for NumPy's own types and for those of ml_dtypes alike."""
    assert dtype_of_name(name).kind == kind


def test_rest_carries_these_dtypes_and_no_others() -> None:
    """REST takes and writes the dtypes of behaviour items 142, 164 and 166."""
    carried = ["float32", "float64", "int32", "uint8", "int16", "int8", "string", "int64", "bool", "uint32", "uint64"]
    assert [row.name for row in DTYPES if row.rest_input] == carried
    assert [row.name for row in DTYPES if row.rest_output] == carried
