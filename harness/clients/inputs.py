"""Inputs as users write them -> arrays as the wire needs them, and the target of one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import TensorError, UsageError
from harness.tensors import as_array

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.endpoint import Endpoint
    from harness.signatures import Signature

__all__ = ["Target", "has_dtype", "to_arrays"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which model, version and signature one call goes to."""

    model: str
    version: int | None
    label: str | None
    signature_name: str = ""

    @classmethod
    def of(cls, endpoint: Endpoint, version: int | None, label: str | None, signature_name: str = "") -> Target:
        """Return the endpoint's target with this call's overrides.

        Raises:
            UsageError: a version and a label were given for one call.
        """
        if version is not None and label is not None:
            raise UsageError(f"a call goes to a version ({version}) or to a label ({label!r}), not to both")
        if version is None and label is None:
            version, label = endpoint.version, endpoint.label
        return cls(model=endpoint.model, version=version, label=label, signature_name=signature_name)

    def describe(self, method: str) -> str:
        """Return how messages name the call, e.g. ``predict model=digits version=latest signature=serving_default``."""
        chosen = (
            f"label={self.label}"
            if self.label is not None
            else f"version={'latest' if self.version is None else self.version}"
        )
        text = f"{method} model={self.model} {chosen}"
        return f"{text} signature={self.signature_name}" if self.signature_name else text


def to_arrays(inputs: Mapping[str, Any], signature: Callable[[], Signature | None]) -> dict[str, np.ndarray]:
    """Return arrays by input name.

    Arrays (and what gives one: a tf.Tensor, a pandas column) keep their dtype, right or wrong: the server casts
    nothing and neither do we. Python numbers, lists and text have no dtype of their own and take the one that the
    signature wants.

    Args:
        inputs: value by input name.
        signature: asked only if there is a value without a dtype.

    Raises:
        TensorError: a value that cannot become that tensor.
        UsageError: the inputs are not given by name.
    """
    if not hasattr(inputs, "items"):
        raise UsageError(
            f"inputs are given by name, e.g. {{'image': images}}, but this is {type(inputs).__name__}; the names are"
            " those of the signature (client.signatures())"
        )
    known: dict[str, str] | None = None
    arrays = {}
    for name, value in inputs.items():
        if not isinstance(name, str):
            raise UsageError(f"input names are text, but this one is {name!r}")
        if type(value) is np.ndarray:
            arrays[name] = value
            continue
        if has_dtype(value):
            arrays[name] = _as_given(value, name)
            continue
        if known is None:
            found = signature()
            known = {spec.name: spec.dtype for spec in found.inputs} if found else {}
        arrays[name] = as_array(value, known.get(name), name=name)
    return arrays


def has_dtype(value: Any) -> bool:
    """Whether a value brings its own dtype and needs none from the signature."""
    return hasattr(value, "__array__")


def _as_given(value: Any, name: str) -> np.ndarray:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise TensorError(f"{name}: tensors have no masked elements; fill them first, e.g. array.filled(0)")
    if isinstance(value, bytes | str):  # NumPy's own scalars of text: an array of them would drop trailing NUL bytes
        return as_array(value, "string", name=name)
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as exc:
        raise TensorError(f"{name}: {type(value).__name__} gives no NumPy array ({exc})") from exc
