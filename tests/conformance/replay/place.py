"""Place: the folder, ports and certificates of one played scenario, and what stands for them in recorded texts."""

from __future__ import annotations

import random
import re
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from replay.certificates import Certificates

__all__ = ["Place", "free_port"]

_PORTS = range(20_000, 32_000)  # below the ports that outgoing connections get
_TAKEN: set[int] = set()
_LOCK = threading.Lock()
_NAME = re.compile(r"\{(work|models|grpc_port|rest_port|ca_cert|\w+_cert|\w+_key)(\|escaped)?\}")


def free_port() -> int:
    """A TCP port nobody listens on, never handed out twice by this process."""
    with _LOCK:
        while True:
            port = random.choice(_PORTS)  # noqa: S311 - no secret
            if port in _TAKEN:
                continue
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            _TAKEN.add(port)
            return port


@dataclass(frozen=True)
class Place:
    """Where one scenario is played.

    Attributes:
        work: its folder.
        grpc_port: the server's gRPC port.
        rest_port: the server's REST port.
        server: the server's program, as its messages name it.
        certificates: throwaway certificates for TLS.
    """

    work: Path
    grpc_port: int
    rest_port: int
    server: str
    certificates: Certificates

    @property
    def models(self) -> Path:
        """The folder of the base paths."""
        return self.work / "models"

    def fill(self, value: Any) -> Any:
        """Put this place's values into a recorded text, or into every text of a recorded structure."""
        if isinstance(value, str):
            return _NAME.sub(self._replacement, value)
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, dict):
            return {self.fill(key): self.fill(item) for key, item in value.items()}
        return value

    def _replacement(self, match: re.Match[str]) -> str:
        name = match[1]
        if name in {"work", "models", "grpc_port", "rest_port"}:
            return str(getattr(self, name))
        text = self.certificates.pem(name)
        return text.replace("\n", "\\n") if match[2] else text

    def mask(self, text: str) -> str:
        """The opposite of :meth:`fill` for a text of the server: its folder by name."""
        return text.replace(str(self.work), "{work}")

    def mask_ports(self, text: str) -> str:
        """Like :meth:`mask`, and the program and the ports by name, for what a process printed."""
        masked = self.mask(text).replace(self.server, "{server}")
        masked = re.sub(rf"\b{self.grpc_port}\b", "{grpc_port}", masked)
        return re.sub(rf"\b{self.rest_port}\b", "{rest_port}", masked)
