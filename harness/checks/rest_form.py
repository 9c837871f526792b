"""What REST can carry of requests and answers, and how it writes them: the differences from gRPC that are declared.

Everything here follows from JSON and from how a server reads and writes it, so none of it is a fault of the model.
What REST carries otherwise is brought to one form before the two APIs are compared; what a caller should know of is a
remark.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.dtypes import dtype_of_array, dtype_of_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.checks.request import Request
    from harness.findings import Severity
    from harness.signatures import Signature

__all__ = ["Remark", "carried", "is_exact", "remarks", "request_obstacle", "rest_obstacle", "written"]

_DIGITS = 13  # and up to four zeros that a client writes behind them
_SMALLEST_EXACT, _FIRST_INEXACT = 1e-8, 1e23
_BEYOND_DOUBLES = 2**53


def rest_obstacle(signature: Signature) -> str:
    """Return why REST cannot carry this signature; empty if it can (behaviour items 137, 144, 166)."""
    if not signature.inputs:
        return "REST cannot ask a signature that has no inputs"
    for spec in signature.inputs:
        if not dtype_of_name(spec.dtype).rest_input:
            return f"REST takes no {spec.dtype} (input {spec.name!r})"
    for spec in signature.outputs:
        if not dtype_of_name(spec.dtype).rest_output:
            return f"REST cannot write {spec.dtype} (output {spec.name!r})"
    return ""


def request_obstacle(signature: Signature, request: Request) -> str:
    """Return why REST cannot carry this request although it can carry others; empty if it can."""
    for name, array in request.inputs.items():
        if 0 in array.shape[:-1]:  # [[], []] shows both sizes of [2, 0]; [] shows only the first of [0, 4]
            return f"input {name!r} is empty, and JSON's lists cannot show its shape {list(array.shape)}"
    if request.method != "predict":
        return ""
    for spec in signature.inputs:
        if spec.has_default and spec.name not in request.inputs:
            return f"the request leaves out {spec.name!r}, and REST knows no defaults of a signature"  # item 152
    return ""


def carried(request: Request) -> Request:
    """Return the request with float inputs that a server reads from JSON just as it reads them from a tensor.

    Denormal numbers become zero (behaviour item 142). A server reads decimals with RapidJSON's default precision: the
    digits as an integer, those behind the point too, times or divided by a power of ten. That is exact for few digits
    and powers up to 10**22, and may be off in the last bits beyond; so float64 values are rounded to 13 digits.
    """
    return replace(request, inputs={name: _carried(array) for name, array in request.inputs.items()})


def is_exact(request: Request) -> bool:
    """Whether a server reads every float64 of a ``carried`` request exactly: those of very large powers it may not."""
    return all(_is_exact(array) for array in request.inputs.values() if array.dtype == np.float64)


def _is_exact(array: np.ndarray) -> bool:
    size = np.abs(array[np.isfinite(array) & (array != 0)])
    return bool(((size >= _SMALLEST_EXACT) & (size < _FIRST_INEXACT)).all())


def _carried(array: np.ndarray) -> np.ndarray:
    flushed = _flushed(array)
    if flushed.dtype != np.float64:
        return flushed
    rounded = [float(f"{value:.{_DIGITS - 1}e}") for value in flushed.reshape(-1).tolist()]
    return np.array(rounded, np.float64).reshape(flushed.shape)


def _flushed(array: np.ndarray) -> np.ndarray:
    """Return float32 and float64 arrays with zeros, of the same sign, for denormal numbers."""
    if array.dtype not in (np.float32, np.float64):
        return array
    tiny = np.abs(array) < np.finfo(array.dtype).tiny
    return np.where(tiny, np.copysign(array.dtype.type(0), array), array) if tiny.any() else array


def written(outputs: Mapping[str, np.ndarray], over_rest: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return an answer of gRPC as REST would write it.

    Floats keep their value in JSON, but for denormal numbers, which become zero (behaviour items 142, 162). Of an empty
    tensor lists show the sizes up to the first zero only.

    Args:
        outputs: array by name, as gRPC answered.
        over_rest: the answer of REST, whose shapes count where they say less.
    """
    return {name: _shown(_flushed(array), over_rest.get(name)) for name, array in outputs.items()}


def _shown(array: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    if seen is None or array.size or seen.size or array.shape[: seen.ndim] != seen.shape:
        return array
    return array.reshape(seen.shape)


@dataclass(frozen=True, kw_only=True)
class Remark:
    """What REST's callers should know of an output. ``severity`` is a warning where some of them cannot read it."""

    output: str
    text: str
    severity: Severity = "info"


def remarks(outputs: Mapping[str, np.ndarray]) -> list[Remark]:
    """Return what JSON readers may stumble over in an answer, by output."""
    return [remark for name, array in sorted(outputs.items()) for remark in _remarks(name, array)]


def _remarks(name: str, array: np.ndarray) -> list[Remark]:
    kind = dtype_of_array(array).kind
    if kind == "string" and not name.endswith("_bytes") and not all(map(_is_text, array.reshape(-1).tolist())):
        text = (
            "holds bytes that are not UTF-8, which REST writes as they are: no valid JSON, and most readers refuse it;"
            f" name the output {name}_bytes and REST writes base64 (behaviour item 165)"
        )
        return [Remark(output=name, text=text, severity="warning")]
    if kind == "float" and not np.isfinite(array).all():
        return [Remark(output=name, text="holds NaN or infinity, which REST writes as bare words that JSON has not")]
    if kind in {"int", "uint"} and _goes_beyond_doubles(array):
        text = "holds integers beyond 2**53: REST writes all digits, but readers that know only doubles round them"
        return [Remark(output=name, text=text)]
    return []


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _goes_beyond_doubles(array: np.ndarray) -> bool:
    if array.dtype not in (np.int64, np.uint64) or not array.size:
        return False
    return int(array.max()) > _BEYOND_DOUBLES or int(array.min()) < -_BEYOND_DOUBLES
