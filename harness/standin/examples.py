"""What Classify, Regress and MultiInference share: examples in, signature by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf import text_format

from harness.protos import types_pb2
from harness.standin.dtypes import BY_NUMPY
from harness.standin.predict import DEFAULT_SIGNATURE
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from harness.standin.servable import Servable

__all__ = ["debug_text", "dtype_name", "find_signature", "serialized_examples", "shape_text"]

# Newer protobuf marks debug texts so that nobody parses them (behaviour item 65).
_DEBUG_MARK = "goo.gle/debugstr  \n"


def find_signature(servable: Servable, name: str) -> tuple[str, Any]:
    """Return the signature asked for, and its name (``serving_default`` for an empty one).

    Raises:
        StatusError: INVALID_ARGUMENT, the model has no such signature.
    """
    resolved = name or DEFAULT_SIGNATURE
    if resolved not in servable.signature_defs:
        raise StatusError("INVALID_ARGUMENT", f"No signature was found with the name: {resolved}")
    return resolved, servable.signature_defs[resolved]


def serialized_examples(given: Any) -> np.ndarray[Any, Any]:
    """Return the Examples of an Input proto as a string tensor [n]; a context is put in front of each (item 64).

    Raises:
        StatusError: INVALID_ARGUMENT, there is no example.
    """
    if given.WhichOneof("kind") == "example_list_with_context":
        context = given.example_list_with_context.context.SerializeToString()
        examples = given.example_list_with_context.examples
    else:
        context, examples = b"", given.example_list.examples
    if not examples:
        raise StatusError("INVALID_ARGUMENT", "Input is empty.")
    tensor = np.empty(len(examples), dtype=object)
    tensor[:] = [context + example.SerializeToString() for example in examples]
    return tensor


def debug_text(message: Any) -> str:
    """A proto as C++ prints it for debugging."""
    return _DEBUG_MARK + text_format.MessageToString(message)


def shape_text(array: np.ndarray[Any, Any]) -> str:
    """A shape as TensorFlow prints it, e.g. ``[2,3]``."""
    return f"[{','.join(map(str, array.shape))}]"


def dtype_name(array: np.ndarray[Any, Any]) -> str:
    """A dtype as protos name it, e.g. ``DT_FLOAT``."""
    return str(types_pb2.DataType.Name(BY_NUMPY[array.dtype].number))
