"""What ends a link before its time."""

from __future__ import annotations

__all__ = ["LinkLostError"]


class LinkLostError(Exception):
    """The connection is gone, or was never made; what was in flight has no answer.

    Attributes:
        status: what became of the requests in flight, see `harness.load.status`; None for the engine's usual one.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        """Keep the status."""
        super().__init__(message)
        self.status = status
