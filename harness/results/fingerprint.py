"""Fingerprint: what must be the same for two measurements to be comparable at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.results.surroundings import Backend, Machine

__all__ = ["Fingerprint"]


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Processor, cores, kernel, image, TensorFlow and backend; empty where one is not known."""

    cpu_model: str
    cores: int
    kernel: str
    backend: str
    image_digest: str
    tensorflow: str

    @classmethod
    def of(cls, machine: Machine, backend: Backend | None, versions: Mapping[str, str]) -> Fingerprint:
        """Return that of a machine, backend and tools, e.g. of a results file."""
        return cls(
            cpu_model=machine.cpu_model,
            cores=machine.cores,
            kernel=machine.kernel,
            backend="" if backend is None else backend.name,
            image_digest="" if backend is None else backend.image_digest or backend.image or "",
            tensorflow=versions.get("tensorflow", ""),
        )
