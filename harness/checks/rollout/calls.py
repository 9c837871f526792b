"""Calls: what a client asked for, and what it got. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GONE", "Ask", "Call", "Outcome"]

GONE = "not served"
"""What a call gets for a model or version that the server has not loaded: NOT_FOUND, ``Servable not found``."""

Outcome = int | str
"""What a call brings: the number of the version that answers, ``GONE``, or the name of another status."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a client asks for: a version, what a label stands for, or, with neither, the latest version.

    Attributes:
        model: the servable's name.
        version: the version asked for.
        label: the label asked for.
    """

    model: str
    version: int | None = None
    label: str | None = None

    def __str__(self) -> str:
        """Return e.g. ``version 2 of digits``."""
        if self.label is not None:
            return f"label {self.label!r} of {self.model}"
        return f"{'the latest version' if self.version is None else f'version {self.version}'} of {self.model}"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call, from the moment it was sent to the moment its answer was there.

    Attributes:
        ask: what was asked for.
        client: who asked, e.g. ``gRPC client 1``.
        began_ns: when it was sent, on a clock that never goes back.
        ended_ns: when its answer was there.
        version: the version that answered; None if the call failed, and over REST, whose answers do not tell.
        failure: empty if there was an answer, else ``GONE``, the name of the status, or of the error.
        text: the error's text, empty if there was an answer.
        difference: how the answer's values differ from the right ones, empty if they do not.
    """

    ask: Ask
    client: str
    began_ns: int
    ended_ns: int
    version: int | None = None
    failure: str = ""
    text: str = ""
    difference: str = ""

    def shows(self, outcome: Outcome) -> bool:
        """Whether this is what a call brings at that outcome, as far as the call tells."""
        if isinstance(outcome, str):
            return self.failure == outcome
        return not self.failure and self.version in (None, outcome)

    @property
    def seen(self) -> str:
        """What it brought, for people."""
        if self.failure:
            return f"{self.failure} ({self.text})" if self.text else self.failure
        return "an answer" if self.version is None else f"an answer by version {self.version}"
