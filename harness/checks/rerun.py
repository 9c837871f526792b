"""The command that runs a check again: what a reader can paste where no single request shows the fault."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.checks.subject import Subject

__all__ = ["check_line"]


def check_line(subject: Subject, check: str) -> str:
    """Return the command that runs one check of a subject again, with servers started in the same way."""
    assert subject.stage is not None and subject.version_dir is not None  # noqa: S101, PT018 - servers were started
    spec, backend = subject.stage.spec, subject.stage.choice.name
    words = ["tfserving-harness", "check", str(subject.version_dir.parent), "--name", subject.model]
    words += ["--backend", backend]
    words += ["--image", spec.image] if backend == "container" and spec.image is not None else []
    words += ["--binary", spec.binary] if backend == "binary" and spec.binary is not None else []
    words += ["--tags", ",".join(subject.tags)] if subject.tags != ("serve",) else []
    words += [f"--arg={flag}" for flag in spec.args if not flag.startswith("--saved_model_tags=")]
    return shlex.join([*words, "--only", check])
