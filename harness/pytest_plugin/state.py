"""State of one pytest run: the config, the models' names, the chosen backend, and what was recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.errors import HarnessError
    from harness.pytest_plugin.models import Source
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
        backend_fault: why none could be chosen, once that is known.
        has_run: whether tests were run, and not only collected or listed.
        write_fault: why the report could not be written.
        awaited: the xdist workers that have not handed in their record.
    """

    config: ServingConfig
    models: Mapping[str, Source]
    own_models: frozenset[str]
    recorder: Recorder
    backend: BackendChoice | None = field(default=None)
    backend_fault: HarnessError | None = field(default=None)
    has_run: bool = field(default=False)
    write_fault: str | None = field(default=None)
    awaited: set[str] = field(default_factory=set)


STATE: pytest.StashKey[State] = pytest.StashKey()
