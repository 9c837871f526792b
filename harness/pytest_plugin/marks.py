"""The marker ``serving``: which of the models a test is for, and which flags its server gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError

if TYPE_CHECKING:
    import pytest

__all__ = ["DESCRIPTION", "ServingMark", "read_mark"]

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


def read_mark(mark: pytest.Mark | None) -> ServingMark:
    """Return the marker's content, empty for no marker.

    Raises:
        UsageError: arguments it does not take.
    """
    if mark is None:
        return ServingMark()
    known: dict[str, Any] = dict(mark.kwargs)
    models = known.pop("models", None)
    model = known.pop("model", None)
    args = known.pop("args", ())
    if mark.args or known or (models is not None and model is not None) or isinstance(args, str):
        raise UsageError(f"@pytest.mark.serving takes {DESCRIPTION}; seen: args {mark.args}, {dict(mark.kwargs)}")
    names = tuple(models) if models is not None else ((model,) if model is not None else ())
    return ServingMark(models=names, args=tuple(args))
