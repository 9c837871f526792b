"""Joining requests' tensors into a batch and dividing its outputs again: pure functions of arrays.

Errors have the texts of BatchingSession (behaviour items 181 to 184).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Array = np.ndarray[Any, Any]
    Tensors = Mapping[str, Array]

__all__ = ["cut_rows", "divide", "join", "padded_size", "rows_of"]

_MAX_PADDED_RANK = 6


def rows_of(tensors: Tensors) -> int:
    """The number of rows of a request: the common first dimension of its tensors.

    Raises:
        StatusError: INVALID_ARGUMENT, there is no tensor, one is a scalar, or the first dimensions differ.
    """
    sizes = set()
    for tensor in tensors.values():
        if not tensor.ndim:
            raise StatusError("INVALID_ARGUMENT", "Batching Run() input tensors must have at least one dimension")
        sizes.add(len(tensor))
        if len(sizes) > 1:
            raise StatusError("INVALID_ARGUMENT", "Batching Run() input tensors must have equal 0th-dimension size")
    if not sizes:
        raise StatusError("INVALID_ARGUMENT", "Batching Run() must have at least one input tensor")
    return sizes.pop()


def cut_rows(tensors: Tensors, begin: int, end: int) -> dict[str, Array]:
    """The rows from ``begin`` to ``end`` of every tensor, without copying."""
    return {name: tensor[begin:end] for name, tensor in tensors.items()}


def padded_size(rows: int, allowed: Sequence[int]) -> int:
    """The size a batch is padded to: the first allowed one that is large enough."""
    return next((size for size in allowed if size >= rows), rows)


def join(requests: Sequence[Tensors], *, padding: int, pad_shapes: bool) -> dict[str, Array]:
    """Put requests' tensors under each other, by name.

    Args:
        requests: tensors of each request, all with the same names.
        padding: rows to add; copies of the last request's first row.
        pad_shapes: whether tensors of different shapes are padded to one.

    Raises:
        StatusError: FAILED_PRECONDITION, shapes differ and are not padded.
    """
    return {
        name: _join_one(name, [request[name] for request in requests], padding=padding, pad_shapes=pad_shapes)
        for name in requests[0]
    }


def _join_one(name: str, tensors: list[Array], *, padding: int, pad_shapes: bool) -> Array:
    if pad_shapes:
        tensors = _padded_to_one_shape(tensors)
    elif any(tensor.shape[1:] != tensors[0].shape[1:] for tensor in tensors):
        text = (
            f"Tensors with name '{name}' from different tasks have different shapes and padding is turned off. Set "
            "pad_variable_length_inputs to true, or ensure that all tensors with the same name have equal dimensions "
            "starting with the first dim."
        )
        raise StatusError("FAILED_PRECONDITION", text)
    if padding:
        tensors = [*tensors, np.repeat(tensors[-1][:1], padding, axis=0)]
    return tensors[0] if len(tensors) == 1 else _concatenated(tensors)


def _concatenated(tensors: list[Array]) -> Array:
    if any(tensor.dtype != tensors[0].dtype for tensor in tensors):
        # The genuine server would join their bytes; no request is right then, so say what is wrong.
        raise StatusError("INTERNAL", "Tensor concat operation failed: tensors have different dtypes")
    return np.concatenate(tensors)


def _padded_to_one_shape(tensors: list[Array]) -> list[Array]:
    """Tensors with all dimensions but the first at their maximum; each is padded with its own first element."""
    rank = tensors[0].ndim
    if any(tensor.ndim != rank for tensor in tensors):
        raise StatusError("INVALID_ARGUMENT", "Tensors of different rank cannot be padded to one shape.")
    if rank > _MAX_PADDED_RANK:
        raise StatusError("INVALID_ARGUMENT", "Only tensors with rank from 1 to 6 can be padded.")
    sizes = [max(dims) for dims in zip(*(tensor.shape for tensor in tensors), strict=True)]
    return [_padded(tensor, (len(tensor), *sizes[1:])) for tensor in tensors]


def _padded(tensor: Array, shape: tuple[int, ...]) -> Array:
    if tensor.shape == shape:
        return tensor
    if not tensor.size:
        raise StatusError("INVALID_ARGUMENT", "Got empty tensor in batch of non-empty tensors.")
    larger = np.full(shape, tensor.reshape(-1)[0], dtype=tensor.dtype)
    larger[tuple(slice(size) for size in tensor.shape)] = tensor
    return larger


def divide(outputs: Sequence[Array], rows: Sequence[int], *, padding: int) -> list[list[Array]]:
    """Give each request its rows of every output, in the order of the requests.

    Args:
        outputs: the outputs of the batch.
        rows: the number of rows of each request.
        padding: the number of rows that were added.

    Raises:
        StatusError: FAILED_PRECONDITION, an output does not have one row per row of the batch.
    """
    for output in outputs:
        if not output.ndim:
            raise StatusError("FAILED_PRECONDITION", "Batched output tensor has 0 dimensions")
        if len(output) != sum(rows) + padding:
            text = (
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the "
                "input tensors"
            )
            raise StatusError("FAILED_PRECONDITION", text)
    ends = np.cumsum(rows).tolist()
    return [[output[end - count : end] for output in outputs] for count, end in zip(rows, ends, strict=True)]
