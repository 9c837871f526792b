"""How far two float outputs may be apart and still be the same answer, dtype by dtype. All other dtypes are exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from harness.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TOLERANCES", "Tolerance"]


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far an element may be from the expected one: ``atol + rtol * abs(expected)``.

    Attributes:
        rtol: relative to the expected element.
        atol: absolute.
        roundings: so many roundings (machine epsilons) of the output's largest element are allowed in addition. Where
            the terms of a sum cancel, a small element carries the error of large ones, and another processor or thread
            count adds them in another order.

    Raises:
        CheckError: a number below 0, or none.
    """

    rtol: float
    atol: float
    roundings: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what nothing could meet."""
        if not (self.rtol >= 0 and self.atol >= 0 and self.roundings >= 0):
            numbers = f"rtol={self.rtol}, atol={self.atol}, roundings={self.roundings}"
            raise CheckError(f"tolerances below 0, or no numbers: {numbers}")

    def times(self, factor: float) -> Tolerance:
        """Return one that allows so many times as much."""
        return Tolerance(rtol=self.rtol * factor, atol=self.atol * factor, roundings=self.roundings * factor)

    def at(self, expected: np.ndarray) -> Tolerance:
        """Return the tolerance of this output, with the roundings as part of ``atol``.

        Args:
            expected: the expected output, of its own dtype.
        """
        if not self.roundings or not expected.size:
            return Tolerance(rtol=self.rtol, atol=self.atol)
        is_complex = expected.dtype.kind == "c"
        sizes = np.abs(expected.astype(np.complex128 if is_complex else np.float64))
        largest = float(np.max(sizes, initial=0.0, where=np.isfinite(sizes)))
        finfo: Any = ml_dtypes.finfo(expected.real.dtype if is_complex else expected.dtype)  # type: ignore[no-untyped-call]
        return Tolerance(rtol=self.rtol, atol=self.atol + self.roundings * float(finfo.eps) * largest)


# float32: what differing instruction sets, thread counts and oneDNN make of a deep network. The others in proportion to
# their precision; float64 not wholly, for many a model computes in float32 and converts at the end.
_FLOAT32 = Tolerance(rtol=1e-5, atol=1e-6, roundings=4)
_FLOAT64 = Tolerance(rtol=1e-7, atol=1e-10, roundings=4)
_TWO_BITS, _THREE_BITS = Tolerance(rtol=0.25, atol=1e-4), Tolerance(rtol=0.125, atol=1e-2)

TOLERANCES: Mapping[str, Tolerance] = {
    "float64": _FLOAT64,
    "float32": _FLOAT32,
    "float16": Tolerance(rtol=2e-3, atol=1e-3, roundings=4),
    "bfloat16": Tolerance(rtol=1.6e-2, atol=1e-2, roundings=4),
    "complex128": _FLOAT64,
    "complex64": _FLOAT32,
    "float8_e5m2": _TWO_BITS,
    "float8_e5m2fnuz": _TWO_BITS,
    "float8_e4m3fn": _THREE_BITS,
    "float8_e4m3fnuz": _THREE_BITS,
    "float8_e4m3b11fnuz": _THREE_BITS,
    "float4_e2m1fn": Tolerance(rtol=0.5, atol=0.5),
}
