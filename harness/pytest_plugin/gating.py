"""The gate within a pytest run: the model under test against the baseline that ``--gate-baseline`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError
from harness.pytest_plugin.state import STATE
from harness.pytest_plugin.xdist import is_worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.pytest_plugin.state import State

__all__ = ["run_serving_gate"]


@pytest.fixture
def run_serving_gate(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """A function that gates a model, records what it found, and fails unless nothing got worse."""
    state = pytestconfig.stash[STATE]

    def run(model: str) -> None:
        if is_worker(pytestconfig):
            pytest.fail("the gate measures, and other test workers would disturb it: run it without -n", pytrace=False)
        try:
            _gate(state, model)
        except HarnessError as exc:  # its text says all
            raise pytest.fail.Exception(f"the gate could not run: {type(exc).__name__}: {exc}", pytrace=False) from None

    return run


def _gate(state: State, model: str) -> None:
    from harness.checks.default_files import existing
    from harness.gate.budgets import parse_budget
    from harness.gate.contender import Contender
    from harness.gate.rounds import Plan
    from harness.gate.run import GateOptions, run_gate

    config, settings = state.config, state.config.gate
    sides = [
        Contender(path=path, name=model, image=config.image, binary=config.binary)
        for path in (settings.baselines[model], _path(state, model))
    ]
    options = GateOptions(
        plan=Plan(pairs=settings.pairs),
        tolerances=settings.tolerances,
        budgets=tuple(parse_budget(text) for text in settings.budgets),
        examples=config.checks.examples.get(model),
        contract=existing(config.checks.contracts / f"{model}.json"),
        goldens=existing(config.checks.goldens / model),
        seed=config.checks.seed,
    )
    outcome = run_gate(
        sides[0],
        sides[1],
        options,
        command=state.recorder.command,
        backend=config.backend,
        args=config.args,
        environment=config.environment,
        container=config.container,
        log_directory=config.log_directory,
        ready_timeout_s=config.ready_timeout_s,
    )
    recorder = state.recorder
    recorder.backend = recorder.backend or outcome.backend
    recorder.measured(outcome.gated)
    recorder.findings.extend(outcome.findings)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.gated.verdict in ("regressed", "inconclusive"):
        pytest.fail("\n".join(outcome.gated.explanation), pytrace=False)


def _path(state: State, model: str) -> Path:
    source = state.models.get(model)
    if source is None:
        known = ", ".join(state.models) or "none"
        pytest.fail(f"--gate-baseline {model}: this run has no path of that model (models: {known})", pytrace=False)
    return source() if callable(source) else source
