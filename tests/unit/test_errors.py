"""The exception tree."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import Any

import pytest

from harness import errors
from harness.errors import CallError, HarnessError, ServerError, StatusError

_CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, HarnessError)]
_WHERE: dict[str, Any] = {"target": "127.0.0.1:1", "api": "grpc", "request": "predict model=m"}


def test_the_drawing_is_the_tree() -> None:
    """The tree drawn at the top of the module has every class below its base."""
    drawn: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for line in str(errors.__doc__).splitlines():
        match = re.match(r"^ {4}((?:\|   |    )*(?:\+-- )?)(\w+Error)\b", line)
        if match:
            depth = len(match[1])
            while stack and stack[-1][0] >= depth:
                stack.pop()
            drawn[match[2]] = stack[-1][1] if stack else "Exception"
            stack.append((depth, match[2]))
    assert drawn == {kind.__name__: kind.__mro__[1].__name__ for kind in _CLASSES}


def _made(kind: type[HarnessError]) -> HarnessError:
    if issubclass(kind, StatusError):
        return kind("gone", code="NOT_FOUND", http_status=404, hint="look", **_WHERE)
    if issubclass(kind, CallError):
        return kind("broken", **_WHERE)
    if issubclass(kind, ServerError):
        return kind("ended", log_tail=("one", "two"))
    return kind("wrong")


@pytest.mark.parametrize("kind", _CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("through", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301 - our own
def test_errors_survive_processes(kind: type[HarnessError], through: Any) -> None:
    """An error that comes from a worker process, or is copied, says the same and carries the same."""
    error = _made(kind)
    again = through(error)
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_call_errors_say_what_was_asked_of_whom() -> None:
    """A call's error holds the request and the address, in its text and as attributes."""
    error = CallError("broken", **_WHERE)
    assert str(error) == "broken\n  request: predict model=m\n  sent over grpc to 127.0.0.1:1"
    assert (error.target, error.api, error.request) == ("127.0.0.1:1", "grpc", "predict model=m")


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({}, "NOT_FOUND: gone"),
        ({"http_status": 404}, "NOT_FOUND (HTTP 404): gone"),
    ],
)
def test_status_errors_show_the_servers_text_first(options: dict[str, Any], first: str) -> None:
    """The server's own text leads, with the code and, over REST, the HTTP status; a hint follows."""
    error = StatusError("gone", code="NOT_FOUND", hint="look", **options, **_WHERE)
    assert str(error).splitlines()[:2] == [first, "  hint: look"]
    assert error.server_message == "gone"


def test_server_errors_show_the_log() -> None:
    """A server's error prints its last log lines, and none if there are none."""
    assert str(ServerError("ended", log_tail=("a", "b"))) == "ended\n  last log lines:\n    | a\n    | b"
    assert str(ServerError("ended")) == "ended"
