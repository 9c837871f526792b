"""The line that runs a check again."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from harness.checks.rerun import check_line
from harness.checks.subject import Subject
from harness.model_config import ModelConfig
from harness.servers import BackendChoice, ServerSpec
from harness.stage import Stage

MODEL = ModelConfig(name="m", base_path="/a base/m")
SPEC = ServerSpec(models=(MODEL,), image="tf:1", binary="/b", args=("--saved_model_tags=a,b", "--enable_batching"))


def _words(backend: str, **fields: object) -> list[str]:
    stage = Stage(spec=SPEC, choice=BackendChoice(name=backend, reason=""), model=MODEL)
    subject = Subject(model="m", signatures={}, version_dir=Path("/a base/m/1"), stage=stage)
    return shlex.split(check_line(replace(subject, **fields), "rollout"))  # type: ignore[arg-type]


def test_it_starts_the_same_servers() -> None:
    """Model, backend, its image or binary, tags and flags are those of the servers that the check started."""
    start = ["tfserving-harness", "check", "/a base/m", "--name", "m", "--backend"]
    end = ["--arg=--enable_batching", "--only", "rollout"]
    assert _words("standin") == [*start, "standin", *end]
    assert _words("container") == [*start, "container", "--image", "tf:1", *end]
    assert _words("binary", tags=("a", "b")) == [*start, "binary", "--binary", "/b", "--tags", "a,b", *end]
