"""A model with a contract file, or a place for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.checks.contract import check
from harness.checks.subject import CheckOptions, Subject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.findings import Finding
    from harness.signatures import Signature


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the contract of the model m is, or will be."""
    return tmp_path / "contracts" / "m.json"


@pytest.fixture
def findings_of(make: Any, path: Path) -> Callable[..., list[Finding]]:
    """A function that returns what the check finds in a model with these signatures, but for traps."""

    def run(served: Any, *, rest: Any = None, on_disk: Any = None, update: bool = False) -> list[Finding]:
        rest = served if rest is None else rest
        subject = Subject(
            model="m",
            signatures=served,
            on_disk=on_disk,
            grpc=make.client("grpc", served, make.refuse),
            rest=make.client("rest", rest, make.refuse),
            options=CheckOptions(contract=path, update_contract=update),
        )
        return [one for one in check(subject) if one.subject.startswith(("contracts/m.json", "agreed"))]

    return run


@pytest.fixture
def served(make: Any) -> dict[str, Signature]:
    """What the model of these tests serves now."""
    inputs, outputs = (
        [make.spec("a"), make.spec("b"), make.spec("c")],
        [make.spec("y"), make.spec("z"), make.spec("zz", "int8")],
    )
    return {
        "serving_default": make.signature(inputs, outputs),
        "other": make.signature([make.spec("ids", "int64")], name="other"),
    }
