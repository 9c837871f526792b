"""Backend ``external``: a server that somebody else started and will stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.model_config import ModelConfig
    from harness.servers.spec import ExternalAddress

__all__ = ["ExternalEngine"]

_WHY_NOT = "the server was not started by the harness; it can only be called"


class ExternalEngine:
    """The addresses of a running server. Its life is the user's business, so there is nothing to stop."""

    command: tuple[str, ...] = ("(started by the user)",)
    image: str | None = None

    def __init__(self, address: ExternalAddress) -> None:
        """Keep the addresses."""
        self._address = address

    def addresses(self) -> tuple[str | None, str | None]:
        """Return the addresses as they were given."""
        return self._address.grpc, self._address.rest

    def base_path_of(self, model: ModelConfig) -> str:
        """Return a model's base path as it was given: where the server has it, only the user can know."""
        return model.base_path

    def exit_text(self) -> str | None:
        """Return None: whether it runs is seen by calling it."""
        return None

    def log(self) -> str:
        """Return an empty text: the log is where the user put it."""
        return ""

    def stop(self) -> None:
        """Leave the server as it is."""

    def kill(self) -> None:
        """Refuse.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(_WHY_NOT)

    def restart(self) -> None:
        """Refuse.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(_WHY_NOT)

    def pause(self) -> None:
        """Refuse.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(_WHY_NOT)

    def resume(self) -> None:
        """Refuse.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(_WHY_NOT)

    def cpu_time_us(self) -> int | None:
        """Return None: it cannot be known from here."""
        return None

    def memory_bytes(self) -> int | None:
        """Return None: it cannot be known from here."""
        return None

    def peak_memory_bytes(self) -> int | None:
        """Return None: it cannot be known from here."""
        return None
