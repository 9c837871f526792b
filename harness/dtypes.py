"""The one dtype table: TensorFlow's names and numbers, NumPy's types, TensorProto's fields, what JSON can carry.

Sources: ``tensorflow/core/framework/types.proto`` and ``tensor.proto`` for numbers and fields; which dtypes the REST
API takes and gives is what tensorflow_model_server does (behaviour items 142-144, 164-166). Types that NumPy itself
lacks (bfloat16, float8, int4 ...) come from ml_dtypes, which TensorFlow uses too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

import numpy as np

from harness.errors import TensorError

__all__ = ["DTYPES", "DType", "Kind", "dtype_of_array", "dtype_of_enum", "dtype_of_name"]

Kind = Literal["bool", "int", "uint", "float", "complex", "string", "opaque"]


@dataclass(frozen=True, kw_only=True)
class DType:
    """One row of the table.

    Attributes:
        name: TensorFlow's short name, e.g. ``float32``, ``string``.
        enum: number of the ``DataType`` enum, e.g. 1.
        label: the enum's name, e.g. ``DT_FLOAT``, as metadata JSON has it.
        numpy_name: the NumPy type's name, ``object`` for strings; None if NumPy has no such type.
        field: the TensorProto field that holds typed values; None if there is none.
        rest_input: whether the REST API accepts values of this dtype.
        rest_output: whether the REST API can write values of this dtype.
    """

    name: str
    enum: int
    label: str
    numpy_name: str | None
    field: str | None
    rest_input: bool = False
    rest_output: bool = False

    @property
    def numpy(self) -> np.dtype:
        """The NumPy dtype.

        Raises:
            TensorError: NumPy has no such type.
        """
        return _numpy_dtype(self)

    @property
    def is_string(self) -> bool:
        """Whether the elements are byte strings."""
        return self.name == "string"

    @property
    def kind(self) -> Kind:
        """What sort of values these are, where NumPy's own ``kind`` says only ``V`` for types of ml_dtypes."""
        return _kind(self)

    @property
    def is_native(self) -> bool:
        """Whether NumPy itself has the type; the others come from ml_dtypes."""
        return self.numpy_name is not None and self.numpy_name not in _ML_DTYPES


def _row(name: str, enum: int, label: str, numpy_name: str | None, field: str | None, rest: str = "") -> DType:
    return DType(
        name=name,
        enum=enum,
        label=f"DT_{label}",
        numpy_name=numpy_name,
        field=field,
        rest_input="i" in rest,
        rest_output="o" in rest,
    )


DTYPES: tuple[DType, ...] = (
    _row("invalid", 0, "INVALID", None, None),  # the init op of TF2 exports is listed as an output without a dtype
    _row("float32", 1, "FLOAT", "float32", "float_val", "io"),
    _row("float64", 2, "DOUBLE", "float64", "double_val", "io"),
    _row("int32", 3, "INT32", "int32", "int_val", "io"),
    _row("uint8", 4, "UINT8", "uint8", "int_val", "io"),
    _row("int16", 5, "INT16", "int16", "int_val", "io"),
    _row("int8", 6, "INT8", "int8", "int_val", "io"),
    _row("string", 7, "STRING", "object", "string_val", "io"),
    _row("complex64", 8, "COMPLEX64", "complex64", "scomplex_val"),
    _row("int64", 9, "INT64", "int64", "int64_val", "io"),
    _row("bool", 10, "BOOL", "bool", "bool_val", "io"),
    _row("qint8", 11, "QINT8", "int8", "int_val"),
    _row("quint8", 12, "QUINT8", "uint8", "int_val"),
    _row("qint32", 13, "QINT32", "int32", "int_val"),
    _row("bfloat16", 14, "BFLOAT16", "bfloat16", "half_val"),
    _row("qint16", 15, "QINT16", "int16", "int_val"),
    _row("quint16", 16, "QUINT16", "uint16", "int_val"),
    _row("uint16", 17, "UINT16", "uint16", "int_val"),
    _row("complex128", 18, "COMPLEX128", "complex128", "dcomplex_val"),
    _row("float16", 19, "HALF", "float16", "half_val"),
    _row("resource", 20, "RESOURCE", None, "resource_handle_val"),
    _row("variant", 21, "VARIANT", None, "variant_val"),
    _row("uint32", 22, "UINT32", "uint32", "uint32_val", "io"),
    _row("uint64", 23, "UINT64", "uint64", "uint64_val", "io"),
    _row("float8_e5m2", 24, "FLOAT8_E5M2", "float8_e5m2", "float8_val"),
    _row("float8_e4m3fn", 25, "FLOAT8_E4M3FN", "float8_e4m3fn", "float8_val"),
    _row("float8_e4m3fnuz", 26, "FLOAT8_E4M3FNUZ", "float8_e4m3fnuz", "float8_val"),
    _row("float8_e4m3b11fnuz", 27, "FLOAT8_E4M3B11FNUZ", "float8_e4m3b11fnuz", "float8_val"),
    _row("float8_e5m2fnuz", 28, "FLOAT8_E5M2FNUZ", "float8_e5m2fnuz", "float8_val"),
    _row("int4", 29, "INT4", "int4", "int_val"),
    _row("uint4", 30, "UINT4", "uint4", "int_val"),
    _row("int2", 31, "INT2", "int2", "int_val"),
    _row("uint2", 32, "UINT2", "uint2", "int_val"),
    _row("float4_e2m1fn", 33, "FLOAT4_E2M1FN", "float4_e2m1fn", "float8_val"),
)

_BY_ENUM = {dtype.enum: dtype for dtype in DTYPES}
_BY_NAME = {dtype.name: dtype for dtype in DTYPES} | {dtype.label: dtype for dtype in DTYPES}
_NUMPY_HAS = frozenset(
    {"bool", "object", "float16", "float32", "float64", "complex64", "complex128"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
_ML_DTYPES = frozenset(row.numpy_name for row in DTYPES if row.numpy_name is not None) - _NUMPY_HAS

# The first dtype with a NumPy type is the one an array of that type becomes: quantised types are asked for by name.
_BY_NUMPY_NAME: dict[str, DType] = {}
for _dtype in DTYPES:
    if _dtype.numpy_name is not None and not _dtype.name.startswith("q"):
        _BY_NUMPY_NAME.setdefault(_dtype.numpy_name, _dtype)
_BY_NUMPY: dict[np.dtype, DType] = {
    np.dtype(name): row for name, row in _BY_NUMPY_NAME.items() if name in _NUMPY_HAS - {"object"}
}
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("uint", "uint"),
    ("int", "int"),
    ("float", "float"),
    ("bfloat", "float"),
    ("complex", "complex"),
    ("bool", "bool"),
    ("object", "string"),
)


@cache
def _kind(dtype: DType) -> Kind:
    name = dtype.numpy_name or ""
    return next((kind for prefix, kind in _KINDS if name.startswith(prefix)), "opaque")


@cache
def _numpy_dtype(dtype: DType) -> np.dtype:
    if dtype.numpy_name is None:
        raise TensorError(f"{dtype.name} tensors cannot be held in a NumPy array")
    if dtype.numpy_name in _ML_DTYPES:
        return _ml_dtype(dtype.numpy_name)
    return np.dtype(dtype.numpy_name)


def _ml_dtype(name: str) -> np.dtype:
    import ml_dtypes

    scalar = getattr(ml_dtypes, name, None)
    if scalar is None:
        raise TensorError(
            f"{name} tensors cannot be held in a NumPy array: ml_dtypes {ml_dtypes.__version__} has no such type;"
            " install a newer one"
        )
    numpy_type: np.dtype = np.dtype(scalar)
    return numpy_type


def dtype_of_enum(enum: int) -> DType:
    """Return the row of a ``DataType`` number; reference dtypes (number + 100) are not values a request can hold.

    Raises:
        TensorError: no such dtype.
    """
    try:
        return _BY_ENUM[enum]
    except KeyError:
        raise TensorError(f"dtype number {enum} is not a TensorFlow dtype that a tensor can have") from None


def dtype_of_name(name: str) -> DType:
    """Return the row of a dtype by its short name (``float32``) or enum name (``DT_FLOAT``).

    Raises:
        TensorError: no such dtype.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        known = ", ".join(dtype.name for dtype in DTYPES)
        raise TensorError(f"{name!r} is not a TensorFlow dtype; known are {known}") from None


def dtype_of_array(array: np.ndarray) -> DType:
    """Return the row that an array's own dtype stands for; text and byte strings of any width are ``string``.

    Raises:
        TensorError: TensorFlow has no such type (e.g. datetime64, structured arrays).
    """
    return _BY_NUMPY.get(array.dtype) or _dtype_of_numpy(array.dtype)


@lru_cache(maxsize=256)
def _dtype_of_numpy(dtype: np.dtype) -> DType:
    """The uncommon cases: strings, types of ml_dtypes, foreign byte order."""
    if dtype.kind in "OSUT":
        return _BY_NAME["string"]
    try:
        return _BY_NUMPY_NAME[dtype.newbyteorder("=").name]
    except KeyError:
        raise TensorError(
            f"a NumPy array of dtype {dtype} has no TensorFlow dtype; convert it first, e.g. array.astype('float32')"
        ) from None
