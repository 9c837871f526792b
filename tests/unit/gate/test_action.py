"""The GitHub action: its words, its exit code and the job's summary, with a command that answers what a test says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
ACTION = (ROOT / "action.yml").read_text()


@pytest.fixture
def action(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs the action's script; the command prints its words, leaves a summary and ends as told."""
    command = tmp_path / "bin" / "tfserving-harness"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/bash\nmkdir -p {tmp_path}/r; echo told > {tmp_path}/r/summary.md\nprintf "%s\\n" "$@"\nexit $CODE\n'
    )
    command.chmod(0o755)

    def run(code: int, **inputs: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{command.parent}:{os.environ['PATH']}",
            "CODE": str(code),
            "GATE_BASELINE": "a b",
            "GATE_CANDIDATE": "c",
            "GATE_REPORT": str(tmp_path / "r"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "step"),
            **inputs,
        }
        words = ["bash", str(ROOT / "tools" / "gate_action.sh")]
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_exit_code_and_summary_are_passed_on(
    action: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, code: int
) -> None:
    """The step ends as the gate did, says so as an output, and the job's summary is the gate's."""
    assert action(code).returncode == code
    assert (tmp_path / "output").read_text() == f"exit-code={code}\n"
    assert (tmp_path / "step").read_text() == "told\n"


def test_inconclusive_can_be_a_warning(action: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """With inconclusive: warn, exit code 2 becomes a warning; a regression stays one."""
    done = action(2, GATE_INCONCLUSIVE="warn")
    assert done.returncode == 0
    assert "::warning title=Gate inconclusive::" in done.stdout
    assert action(1, GATE_INCONCLUSIVE="warn").returncode == 1


def test_inputs_become_words(action: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Every input reaches the command, a path with a space as one word; an image instead of a backend."""
    inputs = {"GATE_BUDGETS": "p99=20ms memory=1GiB", "GATE_TOLERANCES": "p50_ns=10%", "GATE_NAME": "digits"}
    words = action(0, **inputs, GATE_BACKEND="container", GATE_ARGUMENTS="--pairs 8").stdout.splitlines()
    assert words[:5] == ["gate", "--baseline", "a b", "--candidate", "c"]
    assert " ".join(words[5:]).endswith(
        "--backend container --name digits --budget p99=20ms --budget memory=1GiB --tolerance p50_ns=10% --pairs 8"
    )
    assert "--backend" not in action(0, GATE_IMAGE="serving:1").stdout.split()


def test_the_action_sets_every_variable_of_its_script() -> None:
    """What the script reads, the action gives it from an input that exists."""
    script = (ROOT / "tools" / "gate_action.sh").read_text()
    for name in (
        "BASELINE",
        "CANDIDATE",
        "NAME",
        "BACKEND",
        "IMAGE",
        "BUDGETS",
        "TOLERANCES",
        "ARGUMENTS",
        "INCONCLUSIVE",
        "REPORT",
    ):
        assert f"GATE_{name}" in script
        assert f"GATE_{name}: ${{{{ inputs.{name.lower()} }}}}" in ACTION
        assert f"\n  {name.lower()}:\n" in ACTION
