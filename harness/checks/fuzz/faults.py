"""Faults: what is wrong with the answer to a request that fits the signature. Pure.

A model may refuse values: then one of its ops says so, and TensorFlow names the op in the text. Anything else that is
no answer is a fault of the model or of its server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import ConnectionFailedError, DeadlineError, ResponseError, StatusError

if TYPE_CHECKING:
    from harness.errors import CallError
    from harness.findings import Severity

__all__ = ["BY_NO_OP", "NO_ANSWER", "Fault", "fault_of", "is_cut"]

NO_ANSWER = "no answer in time"
BY_NO_OP = ", by no op"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        kind: what faults of the same cause have in common; shrinking keeps it.
        text: what was seen.
        severity: how bad it is.
    """

    kind: str
    text: str
    severity: Severity = "error"


# Codes by which a server says that the fault is its own; HTTP 500 stands for three of them (behaviour item 121).
_OWN_FAULT = {"CANCELLED", "DATA_LOSS", "INTERNAL", "UNAVAILABLE", "UNKNOWN"}
_OF_AN_OP = re.compile(r"\{\{(function_)?node ")
# What the server itself may say of a request that fits the signature (behaviour items 57, 167, 179, 181-183).
_BY_ITS_RULES = re.compile(
    r"Batching Run\(\) input tensors|is larger than maximum input batch size|Batched output tensor"
    r"|Must specify at least one target|padding is turned off|signature method_name to be"
)


def is_cut(message: str) -> bool:
    """Whether the server cut a text, so that its end is not known (behaviour item 33)."""
    return message.endswith("...TRUNCATED")


def fault_of(error: CallError) -> Fault | None:
    """Return what an error says of model and server, None if an op of the model refused the values."""
    if isinstance(error, StatusError):
        return _of_status(error)
    first_line = str(error).partition("\n")[0]
    for kind, name in ((DeadlineError, NO_ANSWER), (ConnectionFailedError, "connection lost")):
        if isinstance(error, kind):
            return Fault(kind=name, text=first_line)
    return Fault(kind="unreadable answer" if isinstance(error, ResponseError) else "no answer", text=first_line)


def _of_status(error: StatusError) -> Fault | None:
    message = error.server_message
    status = error.code if error.http_status is None else f"HTTP {error.http_status}"
    if error.code in _OWN_FAULT:
        return Fault(kind=status, text=f"{status}: {message}")
    if _OF_AN_OP.search(message) or _BY_ITS_RULES.search(message) or is_cut(message):
        return None
    return Fault(kind=f"{status}{BY_NO_OP}", text=f"{status} that no op of the model gave: {message}")
