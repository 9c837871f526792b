"""What the options of both command lines mean, so that pytest and ``tfserving-harness`` judge them alike."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from harness.servers.spec import BackendName

__all__ = [
    "FROM_ENVIRONMENT",
    "SIZE_UNITS_BYTES",
    "asked_backend",
    "check_name",
    "duration_s",
    "numbers",
    "refuse_idle_update",
    "refuse_unfit_flags",
    "refuse_update_in_ci",
    "seconds",
    "share",
    "size_bytes",
    "whole_number",
    "without_secrets",
]

SIZE_UNITS_BYTES = {"B": 1, "kB": 1e3, "KiB": 2**10, "MB": 1e6, "MiB": 2**20, "GB": 1e9, "GiB": 2**30}
FROM_ENVIRONMENT = "env:"  # how a header's value begins that names a variable
_HEADER = re.compile(r"--(?:serving-)?he?a?(?:d[^=]*)?")  # cut short or mistyped as well: its value is as secret


def seconds(text: str, option: str) -> float:
    """Return a time limit in seconds.

    Raises:
        UsageError: not a finite number above 0.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise UsageError(f"{option} {text!r} should be a number of seconds above 0, e.g. {option}=60")
    return value


def duration_s(text: str, option: str) -> float:
    """Return a time in seconds, given in seconds, minutes or hours: ``90``, ``90s``, ``10m``, ``2h``.

    Raises:
        UsageError: something else.
    """
    unit_s = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    try:
        value = float(text if unit_s is None else text[:-1]) * (unit_s or 1)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise UsageError(f"{option} {text!r} should be a time above 0, e.g. {option} 90s, {option} 10m or {option} 2h")
    return value


def numbers(text: str, option: str) -> list[int]:
    """Return whole numbers above 0, which have commas between.

    Raises:
        UsageError: something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"{option} {text!r} should be numbers above 0 with commas between, e.g. {option} 1,2,4,8")
    return [int(part) for part in parts]


def share(text: str, option: str) -> float:
    """Return a share between 0 and 1, given as such or in per cent.

    Raises:
        UsageError: something else.
    """
    number, percent, rest = text.partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = math.nan
    if rest or not 0 < value < 1:
        raise UsageError(f"{option} {text!r} should be a share between 0 and 1, e.g. {option} 0.05 or {option} 5%")
    return value


def size_bytes(text: str, option: str) -> int:
    """Return a size in bytes, given with a unit from B to GiB, or without one in bytes.

    Raises:
        UsageError: something else, or less than a byte.
    """
    number = text.rstrip("".join(SIZE_UNITS_BYTES))
    try:
        value = float(number) * SIZE_UNITS_BYTES[text[len(number) :].strip() or "B"]
    except (KeyError, ValueError):
        value = math.nan
    if not 1 <= value < math.inf:
        raise UsageError(f"{option} {text!r} should be a size of a byte or more, e.g. {option} 20MiB")
    return int(value)


def check_name(name: str) -> str:
    """Return a model's name.

    Raises:
        UsageError: a REST URL could not carry it (``/v1/models/NAME:predict``).
    """
    if not name or not name.isprintable() or set(name) & set("/:"):
        raise UsageError(f"{name!r} cannot be a model's name: REST URLs are /v1/models/NAME:predict, so no '/' or ':'")
    return name


def asked_backend(
    backend: BackendName, *, image: str | None, binary: str | None, endpoint: str | None, prefix: str
) -> BackendName:
    """Return the backend that the options ask for: naming an image, a binary or an endpoint asks for its backend.

    So nobody who names a binary is served by a container, or by the stand-in if the binary is missing.

    Args:
        backend: what ``--backend`` says, ``auto`` if it was not given.
        image: what ``--image`` says.
        binary: what ``--binary`` says.
        endpoint: what ``--endpoint`` says.
        prefix: how the options begin: ``--serving-`` or ``--``.

    Raises:
        UsageError: the options ask for different backends.
    """
    table: tuple[tuple[BackendName, str, str | None], ...] = (
        ("container", "image", image),
        ("binary", "binary", binary),
        ("external", "endpoint", endpoint),
    )
    asked: list[tuple[BackendName, str]] = [(backend, f"{prefix}backend {backend}")] if backend != "auto" else []
    asked += [(name, f"{prefix}{option} {value}") for name, option, value in table if value is not None]
    if len({name for name, _ in asked}) > 1:
        texts = " and ".join(f"{text} (backend {name})" for name, text in asked)
        raise UsageError(f"these options ask for different backends: {texts}; give one of them")
    return asked[0][0] if asked else "auto"


def refuse_unfit_flags(flags: Sequence[str], *, option: str, endpoint: str | None) -> None:
    """Refuse flags that no server will get.

    Raises:
        UsageError: a flag that is none, or flags for a server that runs already.
    """
    for flag in flags:
        if not flag.startswith("-"):
            raise UsageError(f"{option} {flag!r} is not a flag of the server; write e.g. {option}=--enable_batching")
    if flags and endpoint is not None:
        raise UsageError(
            f"{option} {flags[0]} cannot reach the server at {endpoint}, which runs already; start that server with the"
            " flag, or leave one of the two out"
        )


def refuse_idle_update(updates: Mapping[str, str], checks: Collection[str], *, option: str) -> None:
    """Refuse options that would write nothing, because the check that writes does not run.

    Args:
        updates: the check that writes, by option.
        checks: the checks that run.
        option: what chose them.

    Raises:
        UsageError: such an option.
    """
    for update, check in updates.items():
        if check not in checks:
            raise UsageError(f"{update} needs the check {check}, which {option} leaves out")


def refuse_update_in_ci(options: Sequence[str]) -> None:
    """Refuse options that write what is to be committed where nobody would see it: in continuous integration.

    Raises:
        UsageError: such an option, and the variable ``CI`` is set.
    """
    if options and os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        raise UsageError(
            f"{options[0]} writes files for people to review and commit, so it does nothing in continuous integration"
            " (the variable CI is set); run it on your own machine"
        )


def whole_number(text: str, option: str) -> int:
    """Return a number from 0 to 2**32 - 1.

    Raises:
        UsageError: something else.
    """
    if not (text.isascii() and text.isdigit() and int(text) < 2**32):
        raise UsageError(f"{option} {text!r} should be a whole number from 0 to 4294967295")
    return int(text)


def without_secrets(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words of a command line with ``***`` for each header's value, unless that is ``env:VARIABLE``."""
    hidden: list[str] = []
    for word in words:
        option, equals, text = word.partition("=")
        if hidden and _HEADER.fullmatch(hidden[-1]):
            hidden.append(_hidden(word))
        elif equals and _HEADER.fullmatch(option):
            hidden.append(f"{option}={_hidden(text)}")
        else:
            hidden.append(word)
    return tuple(hidden)


def _hidden(text: str) -> str:
    name, equals, value = text.partition("=")
    if not equals:
        return "***"  # not of the form NAME=VALUE, so the secret may be anywhere in it
    return text if value.startswith(FROM_ENVIRONMENT) else f"{name}=***"
