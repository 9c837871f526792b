"""The page's server, with functions that stand in for client code."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from harness.demo import DemoServer, Limits, Marked
from tests.unit.demo.visitor import answering, turned_red

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def demo() -> Iterator[Callable[..., DemoServer]]:
    """A function that starts a server with a function that marks images, and limits; all end with the test."""
    with ExitStack() as stack:

        def start(mark: Callable[[bytes], Marked] = turned_red, **limits: Any) -> DemoServer:
            return stack.enter_context(answering(mark, Limits(**{"close_s": 30.0, **limits})))

        yield start
