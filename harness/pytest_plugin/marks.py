"""The marker ``serving``: which of the models a test is for, and which flags its server gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError

if TYPE_CHECKING:
    import pytest

__all__ = ["DESCRIPTION", "ServingMark", "mark_of", "read_mark"]

DESCRIPTION = (
    "serving(model=NAME or models=[NAMES], args=[FLAGS]): the models this test is for (default: every model, one run"
    " each) and further flags of its server, e.g. args=['--enable_batching']"
)


@dataclass(frozen=True, kw_only=True)
class ServingMark:
    """What the marker said.

    Attributes:
        models: the models the test is for; empty for every one.
        args: further flags for the server.
    """

    models: tuple[str, ...] = ()
    args: tuple[str, ...] = ()


def mark_of(node: pytest.Item) -> ServingMark:
    """Return what the markers of a test, its class and its module say; of each argument the closest counts.

    So a test may add flags (``args``) and keep the model that its module names.

    Raises:
        UsageError: arguments the marker does not take.
    """
    marks = [read_mark(mark) for mark in node.iter_markers("serving")]
    return ServingMark(
        models=next((mark.models for mark in marks if mark.models), ()),
        args=next((mark.args for mark in marks if mark.args), ()),
    )


def read_mark(mark: pytest.Mark) -> ServingMark:
    """Return the content of one marker.

    Raises:
        UsageError: arguments it does not take.
    """
    known: dict[str, Any] = dict(mark.kwargs)
    given = [[known.pop(key)] if key == "model" else known.pop(key) for key in ("model", "models") if key in known]
    args = known.pop("args", ())
    if mark.args or known or len(given) > 1:
        raise _misuse(mark)
    names = given[0] if given else ()
    if not (_are_texts(names) and _are_texts(args)) or (given and not names):
        raise _misuse(mark)
    return ServingMark(models=tuple(names), args=tuple(args))


def _are_texts(values: Any) -> bool:
    """Whether it is a list or tuple of non-empty strings; a lone string would fall apart into letters."""
    return isinstance(values, list | tuple) and all(isinstance(value, str) and value for value in values)


def _misuse(mark: pytest.Mark) -> UsageError:
    words = [*map(repr, mark.args), *(f"{name}={value!r}" for name, value in mark.kwargs.items())]
    return UsageError(f"@pytest.mark.serving({', '.join(words)}) cannot be read; the marker is {DESCRIPTION}")
