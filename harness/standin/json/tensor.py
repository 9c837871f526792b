"""The body of a predict request becomes tensors (behaviour items 138, 139, 147 to 152).

``instances`` is the row form: one entry per example, stacked into a batch. ``inputs`` is the column form: whole
tensors, as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.standin.json.debug import echo
from harness.standin.json.fill import Filled, fill, is_base64_object
from harness.standin.json.rows import fill_regular_rows, fill_rows
from harness.standin.json.value import MISSING, JsonObject, NumberBlock, is_array
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COLUMNS", "ROWS", "fill_inputs"]

ROWS, COLUMNS = "predictions", "outputs"  # the key of the reply that goes with each form


def fill_inputs(document: JsonObject, wanted: Mapping[str, Any]) -> tuple[str, dict[str, Filled]]:
    """Return the inputs in a request's JSON object.

    Args:
        document: the request's top-level object.
        wanted: the signature's inputs by name; only their ``dtype`` is looked at.

    Returns:
        ROWS or COLUMNS (the form of the request, and so of the reply), and the tensors by name.

    Raises:
        StatusError: with the server's text.
    """
    instances, columns = document.find(b"instances"), document.find(b"inputs")
    if instances is MISSING and columns is MISSING:
        raise StatusError("INVALID_ARGUMENT", "Missing 'inputs' or 'instances' key")
    if instances is MISSING:
        tensors = _fill_columns(columns, wanted)
    elif columns is not MISSING:
        raise _format_error(
            document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    elif not is_array(instances):
        raise _format_error(document, "Expecting 'instances' to be an list/array")
    elif type(instances) is list and not instances:
        raise _format_error(document, "No values in 'instances' array")
    else:
        tensors = _fill_instances(instances, wanted)
    return COLUMNS if instances is MISSING else ROWS, tensors


def _format_error(document: JsonObject, text: str) -> StatusError:
    return StatusError("INVALID_ARGUMENT", f"JSON Value: {echo(document)} {text}")


def _fill_columns(value: Any, wanted: Mapping[str, Any]) -> dict[str, Filled]:
    """Return the tensors of the column form."""
    if type(value) is JsonObject and not is_base64_object(value):
        return {name: fill(_named(value, name), info.dtype) for name, info in wanted.items()}
    if len(wanted) > 1:
        text = (
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
            "tensorinfo_map"
        )
        raise StatusError("INVALID_ARGUMENT", text)
    name, info = next(iter(wanted.items()))
    return {name: fill(value, info.dtype)}


def _named(value: JsonObject, name: str) -> Any:
    """Return the value of one input of the column form."""
    found = value.find(name.encode())
    if found is MISSING:
        raise StatusError("INVALID_ARGUMENT", f"Missing named input: {name} in 'inputs' object.")
    return found


def _fill_instances(instances: Any, wanted: Mapping[str, Any]) -> dict[str, Filled]:
    """Return the tensors of the row form: at once if the rows are regular, else row by row."""
    plain = type(instances) is NumberBlock or type(instances[0]) is not JsonObject
    if plain and len(wanted) > 1:
        text = (
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
        raise StatusError("INVALID_ARGUMENT", text)
    filled = fill_regular_rows(instances, wanted)
    return fill_rows(instances, wanted) if filled is None else filled
