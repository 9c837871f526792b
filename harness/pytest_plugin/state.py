"""State of one pytest run: the config, the models' names, the chosen backend, and what was recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.pytest_plugin.options import ServingConfig
    from harness.pytest_plugin.recorder import Recorder
    from harness.servers import BackendChoice

__all__ = ["STATE", "State"]


@dataclass
class State:
    """Of one pytest process.

    Attributes:
        config: the parsed options.
        models: path, or function that gives it, by model name; None for a model of a running server.
        own_models: the names of those that are the repository's own and not the user's.
        recorder: findings, measurements and outcomes for the report.
        backend: the chosen backend once it is known.
    """

    config: ServingConfig
    models: Mapping[str, Path | Callable[[], Path] | None]
    own_models: frozenset[str]
    recorder: Recorder
    backend: BackendChoice | None = field(default=None)


STATE: pytest.StashKey[State] = pytest.StashKey()
