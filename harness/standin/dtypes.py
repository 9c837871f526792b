"""The table of TensorFlow's dtypes: number, name, NumPy dtype, and the TensorProto field that holds its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from harness.protos import types_pb2

__all__ = ["BY_NUMBER", "BY_NUMPY", "DType"]


@dataclass(frozen=True)
class DType:
    """One dtype.

    Attributes:
        number: its DataType number in protos.
        name: as messages spell it, e.g. ``float`` for DT_FLOAT.
        numpy: the NumPy dtype of its arrays; None for what arrays cannot hold (resource, variant).
        field: the TensorProto field with its values.
        bits: the dtype whose bit patterns that field holds, for dtypes without a field of their own; else None.
        per_element: how many values of the field make one element.
    """

    number: int
    name: str
    numpy: np.dtype[Any] | None
    field: str
    bits: np.dtype[Any] | None = None
    per_element: int = 1


def _dtype(name: str, numpy: Any, field: str, bits: Any = None, per_element: int = 1) -> DType:
    return DType(
        types_pb2.DataType.Value("DT_" + name.upper()),
        name,
        None if numpy is None else np.dtype(numpy),
        field,
        None if bits is None else np.dtype(bits),
        per_element,
    )


def _small(name: str, field: str, bits: Any) -> DType | None:
    """A dtype of ml_dtypes, if both TensorFlow's messages and ml_dtypes know it."""
    numpy = getattr(ml_dtypes, name, None)
    known = "DT_" + name.upper() in types_pb2.DataType.keys()  # noqa: SIM118 - an enum wrapper, not a dict
    return _dtype(name, numpy, field, bits) if known and numpy is not None else None


_ALL = (
    _dtype("float", np.float32, "float_val"),
    _dtype("double", np.float64, "double_val"),
    _dtype("int32", np.int32, "int_val"),
    _dtype("uint8", np.uint8, "int_val"),
    _dtype("int16", np.int16, "int_val"),
    _dtype("int8", np.int8, "int_val"),
    _dtype("string", object, "string_val"),
    _dtype("complex64", np.complex64, "scomplex_val", per_element=2),
    _dtype("int64", np.int64, "int64_val"),
    _dtype("bool", np.bool_, "bool_val"),
    _dtype("qint8", [("qint8", np.int8)], "int_val"),
    _dtype("quint8", [("quint8", np.uint8)], "int_val"),
    _dtype("qint32", [("qint32", np.int32)], "int_val"),
    _dtype("bfloat16", ml_dtypes.bfloat16, "half_val", bits=np.uint16),
    _dtype("qint16", [("qint16", np.int16)], "int_val"),
    _dtype("quint16", [("quint16", np.uint16)], "int_val"),
    _dtype("uint16", np.uint16, "int_val"),
    _dtype("complex128", np.complex128, "dcomplex_val", per_element=2),
    _dtype("half", np.float16, "half_val", bits=np.uint16),
    _dtype("resource", None, "resource_handle_val"),
    _dtype("variant", None, "variant_val"),
    _dtype("uint32", np.uint32, "uint32_val"),
    _dtype("uint64", np.uint64, "uint64_val"),
    _small("float8_e5m2", "float8_val", np.uint8),
    _small("float8_e4m3fn", "float8_val", np.uint8),
    _small("float8_e4m3fnuz", "float8_val", np.uint8),
    _small("float8_e4m3b11fnuz", "float8_val", np.uint8),
    _small("float8_e5m2fnuz", "float8_val", np.uint8),
    _small("int4", "int_val", None),
    _small("uint4", "int_val", None),
)

BY_NUMBER = {dtype.number: dtype for dtype in _ALL if dtype is not None}
BY_NUMPY = {dtype.numpy: dtype for dtype in BY_NUMBER.values() if dtype.numpy is not None}
