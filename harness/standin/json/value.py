"""A parsed JSON document in plain Python values, with the parts that RapidJSON tells apart kept apart.

null, true, false      None, True, False
integer token          int, within int64 or uint64
any other number       float
string                 bytes: the server takes any bytes, UTF-8 or not
array                  list, or a NumberBlock for a large regular array of numbers
object                 JsonObject: members in order, the first of equal names is the one found
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["MISSING", "JsonObject", "NumberBlock", "is_array", "type_name"]

MISSING: Any = object()  # what JsonObject.find returns for a name that is not there


class JsonObject:
    """A JSON object: its members as (name, value) pairs in the order they were written."""

    __slots__ = ("members",)

    def __init__(self, members: list[tuple[bytes, Any]]) -> None:
        """Keep the members."""
        self.members = members

    def find(self, name: bytes) -> Any:
        """Return the value of the first member of that name, or MISSING."""
        for key, value in self.members:
            if key == name:
                return value
        return MISSING

    def __repr__(self) -> str:
        """Show only the size: a document may be deep."""
        return f"JsonObject({len(self.members)} members)"


class NumberBlock:
    """A regular nested array of numbers, kept as NumPy arrays instead of a list per level.

    Attributes:
        values: the numbers, flat: int64 if all tokens were integers, else float64.
        integers: in a float64 block that also has integer tokens, which ones they are; else None.
        shape: length of each level, outermost first; no level is empty.
    """

    __slots__ = ("integers", "shape", "values")

    def __init__(
        self, values: npt.NDArray[Any], integers: npt.NDArray[np.bool_] | None, shape: tuple[int, ...]
    ) -> None:
        """Keep the parts."""
        self.values = values
        self.integers = integers
        self.shape = shape

    def to_list(self) -> list[Any]:
        """Return the same document as nested lists of int and float."""
        flat: list[Any] = self.values.tolist()
        if self.integers is not None:
            for index in self.integers.nonzero()[0].tolist():
                flat[index] = int(flat[index])
        for size in self.shape[:0:-1]:
            flat = [flat[start : start + size] for start in range(0, len(flat), size)]
        return flat


_TYPE_NAMES: dict[type, str] = {
    type(None): "Null",
    int: "Number",
    float: "Number",
    bytes: "String",
    list: "Array",
    NumberBlock: "Array",
    JsonObject: "Object",
}


def type_name(value: Any) -> str:
    """Return the name that the server's messages give the type of a value (behaviour item 143)."""
    if value is True:
        return "True"
    if value is False:
        return "False"
    return _TYPE_NAMES[type(value)]


def is_array(value: Any) -> bool:
    """Tell whether the value is a JSON array, in either form."""
    return type(value) is list or type(value) is NumberBlock
