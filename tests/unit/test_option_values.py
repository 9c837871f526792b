"""What both command lines make of their options."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import UsageError
from harness.option_values import (
    asked_backend,
    check_name,
    duration_s,
    refuse_unfit_flags,
    seconds,
    size_bytes,
    without_secrets,
)

NOTHING: dict[str, Any] = {"image": None, "binary": None, "endpoint": None, "prefix": "--"}


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("0.5", 0.5), (" 2 ", 2.0), ("1e3", 1000.0)])
def test_seconds(text: str, value: float) -> None:
    """Any finite number above 0 is a time."""
    assert seconds(text, "--timeout") == value


@pytest.mark.parametrize(("text", "value"), [("90", 90.0), ("90s", 90.0), ("1.5m", 90.0), ("2h", 7200.0)])
def test_durations(text: str, value: float) -> None:
    """A time may have a unit: seconds, minutes or hours."""
    assert duration_s(text, "--soak") == value


@pytest.mark.parametrize("text", ["", "m", "0m", "-1h", "1d", "nan", "infh"])
def test_no_durations(text: str) -> None:
    """Everything else is refused by the option's name."""
    with pytest.raises(UsageError, match=r"^--soak .* should be a time above 0"):
        duration_s(text, "--soak")


@pytest.mark.parametrize(
    ("text", "size"), [("7", 7), ("20MiB", 20 * 2**20), ("1.5 kB", 1500), ("2GB", 2 * 10**9), ("300B", 300)]
)
def test_sizes(text: str, size: int) -> None:
    """A size is in bytes, or has a unit."""
    assert size_bytes(text, "--most-bytes") == size


@pytest.mark.parametrize("text", ["", "0", "0.5", "-1MiB", "1mib", "MiB", "nan", "inf", "1 TB", "10BB"])
def test_no_sizes(text: str) -> None:
    """Everything else is refused by the option's name."""
    with pytest.raises(UsageError, match=r"^--most-bytes .* should be a size of a byte or more"):
        size_bytes(text, "--most-bytes")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "-inf", "1e999", "soon", ""])
def test_no_seconds(text: str) -> None:
    """Everything else is refused by the option's name."""
    with pytest.raises(UsageError, match=r"^--timeout .* should be a number of seconds above 0"):
        seconds(text, "--timeout")


@pytest.mark.parametrize(
    ("backend", "given", "asked"),
    [
        ("auto", {}, "auto"),
        ("standin", {}, "standin"),
        ("auto", {"image": "x"}, "container"),
        ("auto", {"binary": "x"}, "binary"),
        ("auto", {"endpoint": "x"}, "external"),
        ("container", {"image": "x"}, "container"),
    ],
)
def test_what_is_named_is_asked_for(backend: Any, given: dict[str, Any], asked: str) -> None:
    """An image, a binary or an endpoint asks for its backend."""
    assert asked_backend(backend, **{**NOTHING, **given}) == asked


@pytest.mark.parametrize(
    ("backend", "given"),
    [("standin", {"image": "x"}), ("binary", {"endpoint": "x"}), ("auto", {"image": "x", "binary": "y"})],
)
def test_contradictions_are_refused(backend: Any, given: dict[str, Any]) -> None:
    """Options of two backends name both."""
    with pytest.raises(UsageError, match=r"^these options ask for different backends: --.* and --.*; give one of them"):
        asked_backend(backend, **{**NOTHING, **given})


def test_flags() -> None:
    """Flags begin with a dash, and go to servers that are started here."""
    refuse_unfit_flags(["--a", "-b"], option="--arg", endpoint=None)
    refuse_unfit_flags([], option="--arg", endpoint="h:1")
    for flags, endpoint in ((["a"], None), (["--a"], "h:1")):
        with pytest.raises(UsageError, match=r"^--arg "):
            refuse_unfit_flags(flags, option="--arg", endpoint=endpoint)


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a\nb"])
def test_names_no_url_carries(name: str) -> None:
    """They are refused; spaces and other letters are not."""
    assert check_name("größe 1") == "größe 1"
    with pytest.raises(UsageError, match="cannot be a model's name"):
        check_name(name)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--header", "a=s3cret"], ["--header", "a=***"]),
        (["--header=a=s3cret=", "x"], ["--header=a=***", "x"]),
        (["--serving-header", "a=s3cret", "--model", "a=b"], ["--serving-header", "a=***", "--model", "a=b"]),
        (["--serving-head", "a=s3cret"], ["--serving-head", "a=***"]),
        (["--headers=s3cret"], ["--headers=***"]),
        (["--header", "a=env:TOKEN"], ["--header", "a=env:TOKEN"]),
    ],
)
def test_a_command_is_shown_without_secrets(words: list[str], shown: list[str]) -> None:
    """Each header's value becomes stars, unless it names a variable; all other words stay."""
    assert [*without_secrets(words)] == shown
