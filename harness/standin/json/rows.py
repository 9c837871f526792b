"""The row form, row by row: what is left when the rows are not all regular and alike.

Nearly always that ends in an error, and then the first fault in document order is the one to name (behaviour items
147 to 151). It ends well for base64 strings, for names in changing order, and for a name given twice in a row: all
its values are then collected, and the tensor takes as many as it has elements.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.standin.json.debug import echo
from harness.standin.json.fill import Filled, fill, fill_fast, is_base64_object
from harness.standin.json.value import JsonObject, NumberBlock
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fill_regular_rows", "fill_rows"]

_ROWS_AT_ONCE = 1024


class _Column:
    """The rows of one input, as far as they are read."""

    def __init__(self, dtype: int) -> None:
        """Start without rows."""
        self.dtype = dtype
        self.parts: list[Any] = []
        self.shape: tuple[int, ...] | None = None

    def add(self, item: Any) -> None:
        """Add one row; all must be of one shape."""
        tensor = fill(item, self.dtype)
        self.parts.append(tensor.values)
        if self.shape is None:
            self.shape = tensor.shape
        elif prod(self.shape) != prod(tensor.shape):
            text = f"Expecting tensor size: {prod(self.shape)} but got: {prod(tensor.shape)}"
            raise StatusError("INVALID_ARGUMENT", text)
        elif self.shape != tensor.shape:
            text = f"Expecting shape {_shape_text(self.shape)} but got: {_shape_text(tensor.shape)}"
            raise StatusError("INVALID_ARGUMENT", text)

    def tensor(self, rows: int) -> Filled:
        """Return the batch of the rows."""
        shape = (rows, *(self.shape or ()))
        if isinstance(self.parts[0], list):
            return Filled([text for part in self.parts for text in part][: prod(shape)], shape)
        return Filled(np.concatenate(self.parts)[: prod(shape)], shape)


def fill_regular_rows(instances: Any, wanted: Mapping[str, Any]) -> dict[str, Filled] | None:
    """Return the tensors of rows that are all alike and hold only tokens that fit, else None."""
    if type(instances) is list and _is_named(instances[0]):
        return _fill_named(instances, wanted)
    name, info = next(iter(wanted.items()))
    tensor = fill_fast(instances, info.dtype)
    return None if tensor is None else {name: tensor}


def _fill_named(instances: list[Any], wanted: Mapping[str, Any]) -> dict[str, Filled] | None:
    """Return the tensors of rows that all have exactly the wanted names, in one order, if they are regular."""
    names = [name for name, _ in instances[0].members]
    if sorted(names) != sorted(name.encode() for name in wanted):
        return None
    for row in instances:
        if type(row) is not JsonObject or [name for name, _ in row.members] != names:
            return None
    tensors = {}
    for index, key in enumerate(names):
        name = key.decode()
        tensor = fill_fast([row.members[index][1] for row in instances], wanted[name].dtype)
        if tensor is None:
            return None
        tensors[name] = tensor
    return tensors


def fill_rows(instances: Any, wanted: Mapping[str, Any]) -> dict[str, Filled]:
    """Return the tensors of the row form.

    Raises:
        StatusError: with the server's text, which names the row.
    """
    rows: list[Any] = instances.to_list() if type(instances) is NumberBlock else instances
    columns: dict[str, _Column] = {}
    named = _is_named(rows[0])
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        regular = fill_regular_rows(some, wanted) if _is_named(some[0]) == named else None
        if regular is not None and all(
            name in columns and columns[name].shape == tensor.shape[1:] for name, tensor in regular.items()
        ):
            for name, tensor in regular.items():
                columns[name].parts.append(tensor.values)
        else:
            _add_rows(some, start, wanted, columns, named=named)
    return {name: column.tensor(len(rows)) for name, column in columns.items()}


def _add_rows(
    rows: list[Any], start: int, wanted: Mapping[str, Any], columns: dict[str, _Column], *, named: bool
) -> None:
    """Add rows one by one."""
    for index, row in enumerate(rows, start):
        if named and not _is_named(row):
            raise StatusError("INVALID_ARGUMENT", f"Expecting object but got list at item {index} of input list")
        if not named and _is_named(row):
            text = f"Expecting value/list but got object at item {index} of input list"
            raise StatusError("INVALID_ARGUMENT", text)
        if named:
            _add_named(row, index, wanted, columns)
        else:
            _add(row, next(iter(wanted)), wanted, columns, where=f"element: {index}")


def _is_named(row: Any) -> bool:
    """Tell whether a row is an object of named inputs; a base64 object is a value."""
    return type(row) is JsonObject and not is_base64_object(row)


def _add_named(row: JsonObject, index: int, wanted: Mapping[str, Any], columns: dict[str, _Column]) -> None:
    """Add a row of named inputs; afterwards all of them must have been there."""
    names = []
    for key, value in row.members:
        # The server takes a name up to its first NUL.
        name = key.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
        _add(value, name, wanted, columns, where=f"element: {index} key: {name}")
        names.append(name)
    if set(names) != set(wanted):
        text = (
            f"Failed to process element: {index} of 'instances' list. JSON object: {echo(row)} "
            f"keys must be equal to: {','.join(sorted(wanted))}"
        )
        raise StatusError("INVALID_ARGUMENT", text)


def _add(value: Any, name: str, wanted: Mapping[str, Any], columns: dict[str, _Column], *, where: str) -> None:
    """Add one value to its column; a fault is told with its place."""
    try:
        _column(name, wanted, columns).add(value)
    except StatusError as error:
        text = f"Failed to process {where} of 'instances' list. Error: {error.code}: {error.message}"
        raise StatusError("INVALID_ARGUMENT", text) from None


def _column(name: str, wanted: Mapping[str, Any], columns: dict[str, _Column]) -> _Column:
    """Return the column of an input, a new one for its first row."""
    if name not in wanted:
        raise StatusError("INVALID_ARGUMENT", f"JSON object: does not have named input: {name}")
    return columns.setdefault(name, _Column(wanted[name].dtype))


def _shape_text(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"
