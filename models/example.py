"""Example: one request to an example model, with the answer it must bring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

__all__ = ["Example"]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A request and its expected answer, computed without TensorFlow.

    Attributes:
        name: what the example shows, e.g. ``three numbers``.
        outputs: expected arrays by output name. Classify: ``classes`` (bytes [N, C]) and/or ``scores`` (float32
            [N, C]); regress: ``outputs`` (float32 [N]).
        method: the API the request is for.
        signature: the signature it is for.
        inputs: arrays by input name, for predict; empty otherwise.
        rows: one mapping of feature name to value or list of values per tf.Example, for classify and regress.
        rtol: relative tolerance of float outputs; other dtypes must be equal.
        atol: absolute tolerance of float outputs.
    """

    name: str
    outputs: Mapping[str, np.ndarray]
    method: Literal["predict", "classify", "regress"] = "predict"
    signature: str = "serving_default"
    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()
    rtol: float = 1e-5
    atol: float = 1e-6
