"""Strategies of hypothesis for requests, made from a model's signature.

They serve your own ``@given`` tests too: ``inputs(client.signatures()["serving_default"])`` draws what a client may
send to that signature; docs/checks.md has such a test.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from harness.checks.fuzz.values import arrays, elements, replace_some
from harness.dtypes import dtype_of_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from harness.checks.request import Request
    from harness.signatures import Signature, TensorSpec

__all__ = ["examples", "fits", "inputs"]

_MOST_DIMENSIONS = 3  # of an input of unknown rank
_MOSTLY = (True,) * 7 + (False,)
_KINDS = ("float32", "int64", "string")  # what a feature of a tf.Example can hold


def inputs(
    signature: Signature,
    *,
    near: Sequence[Mapping[str, np.ndarray]] = (),
    min_size: int = 0,
    max_size: int = 3,
    leave_out_defaults: bool = False,
) -> SearchStrategy[dict[str, np.ndarray]]:
    """Return a strategy for the inputs of a signature: all that a client may send without breaking it.

    Args:
        signature: what to fit: names, dtypes, ranks and fixed dimensions.
        near: known inputs. About half of the examples are then rows of them with a few values replaced; those that do
            not fit the signature are not used.
        min_size: smallest size of an open dimension.
        max_size: largest size of an open dimension.
        leave_out_defaults: whether inputs that have a default may be missing (over gRPC they may, behaviour item 47).

    Returns:
        Array by input name, strings as object arrays of ``bytes``. The first dimension, where it is open, is mostly
        the same for all inputs.

    Raises:
        TensorError: an input whose dtype no NumPy array can hold.
    """
    for spec in signature.inputs:
        elements(spec.dtype)  # refused here and not while drawing
    strategy = _wild(signature, min_size, max_size)
    known = [one for one in near if fits(signature, one)]
    if known:
        strategy |= _near(signature, known, min_size, max_size)
    names = [spec.name for spec in signature.inputs if spec.has_default]
    return _without_some(strategy, names) if leave_out_defaults and names else strategy


def fits(signature: Signature, given: Mapping[str, np.ndarray]) -> bool:
    """Whether inputs have a signature's names, dtypes and shapes; those with a default may be missing."""
    specs = {spec.name: spec for spec in signature.inputs}
    required = {name for name, spec in specs.items() if not spec.has_default}
    return required <= given.keys() <= specs.keys() and all(_fits(specs[name], given[name]) for name in given)


def _fits(spec: TensorSpec, array: np.ndarray) -> bool:
    if array.dtype != dtype_of_name(spec.dtype).numpy:
        return False
    shape = spec.shape
    return shape is None or (
        len(shape) == array.ndim and all(want in (None, size) for want, size in zip(shape, array.shape, strict=True))
    )


@st.composite
def _wild(draw: DrawFn, signature: Signature, min_size: int, max_size: int) -> dict[str, np.ndarray]:
    sizes = st.integers(min_size, max_size)
    rows = draw(sizes)
    is_even = draw(st.sampled_from(_MOSTLY))
    found = {}
    for spec in signature.inputs:
        shape = _shape(draw, spec, sizes, rows if is_even else draw(sizes))
        found[spec.name] = draw(arrays(dtype_of_name(spec.dtype), shape))
    return found


def _shape(draw: DrawFn, spec: TensorSpec, sizes: SearchStrategy[int], rows: int) -> tuple[int, ...]:
    dimensions = spec.shape
    if dimensions is None:
        dimensions = (None,) * draw(st.sampled_from([1, 0, *range(2, _MOST_DIMENSIONS + 1)]))
    return tuple(
        size if size is not None else (rows if axis == 0 else draw(sizes)) for axis, size in enumerate(dimensions)
    )


@st.composite
def _near(
    draw: DrawFn, signature: Signature, known: Sequence[Mapping[str, np.ndarray]], min_size: int, max_size: int
) -> dict[str, np.ndarray]:
    chosen = draw(st.sampled_from(known))
    rows = _row_numbers(draw, signature, chosen, min_size, max_size)
    found = {}
    for name, array in chosen.items():
        taken = array if rows is None else array[rows]
        flat = taken.reshape(-1).copy()
        if flat.size:
            replace_some(draw, flat, dtype_of_name(signature.input(name).dtype), most=2)
        found[name] = flat.reshape(taken.shape)
    return found


def _row_numbers(
    draw: DrawFn, signature: Signature, chosen: Mapping[str, np.ndarray], min_size: int, max_size: int
) -> list[int] | None:
    """Draw which rows to take; None for inputs that share no open first dimension, or have no rows."""
    sizes = {array.shape[0] if array.ndim else 0 for array in chosen.values()}
    firsts = {spec.shape[0] if spec.shape else None for spec in signature.inputs if spec.name in chosen}
    if len(sizes) != 1 or 0 in sizes or firsts != {None}:
        return None
    return draw(st.lists(st.integers(0, sizes.pop() - 1), min_size=min_size, max_size=max_size))


@st.composite
def _without_some(
    draw: DrawFn, strategy: SearchStrategy[dict[str, np.ndarray]], names: list[str]
) -> dict[str, np.ndarray]:
    found = draw(strategy)
    left_out = draw(st.sets(st.sampled_from(names)))
    return {name: array for name, array in found.items() if name not in left_out}


def examples(known: Sequence[Request], *, max_size: int = 3) -> SearchStrategy[Request]:
    """Return a strategy for requests of classify or regress: known ones with features dropped, or of other values.

    Args:
        known: requests with tf.Examples, of one signature.
        max_size: the most examples in a request; there is at least one.
    """
    return _changed(known, max_size)


@st.composite
def _changed(draw: DrawFn, known: Sequence[Request], max_size: int) -> Request:
    request = draw(st.sampled_from(known))
    rows = draw(st.lists(st.integers(0, len(request.examples) - 1), min_size=1, max_size=max_size))
    return replace(request, examples=tuple(_changed_example(draw, request.examples[row]) for row in rows))


def _changed_example(draw: DrawFn, example: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(example)
    for name in draw(st.sets(st.sampled_from(sorted(example)))) if example else ():
        changed[name] = draw(_feature(*_kind_and_count(example[name])))
    return {name: value for name, value in changed.items() if value is not None}


def _kind_and_count(feature: Any) -> tuple[str, int]:
    values = [feature] if isinstance(feature, str | bytes) else np.asarray(feature).reshape(-1).tolist()
    if not values:
        return "float32", 0
    if isinstance(values[0], str | bytes):
        return "string", len(values)
    return ("float32" if isinstance(values[0], float) else "int64"), len(values)


@cache
def _feature(kind: str, count: int) -> SearchStrategy[Any]:
    """Other values of the same kind and as many, mostly; else none at all, or up to three of any kind."""
    alike = st.lists(_of_kind(kind), min_size=count, max_size=count)
    return st.one_of([alike, alike, alike, st.none(), *(st.lists(_of_kind(one), max_size=3) for one in _KINDS)])


def _of_kind(kind: str) -> SearchStrategy[Any]:
    values = elements(kind)
    return values.map(lambda value: float(np.float32(value))) if kind == "float32" else values
