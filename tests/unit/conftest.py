"""What several unit tests need: TensorFlow as the independent judge, and a fresh Python for questions of import."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

if TYPE_CHECKING:
    from collections.abc import Callable

# A busy machine is no failure: examples are not timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
# What is drawn does not depend on the modules that a worker has loaded: by itself hypothesis draws their constants.
_CONSTANTS_OF_MODULES = getattr(providers, "_get_local_constants", None)
if _CONSTANTS_OF_MODULES is not None:
    providers._get_local_constants = providers.Constants

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def constants_of_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis draws constants of loaded modules, as it does for users."""
    if _CONSTANTS_OF_MODULES is None:
        pytest.skip("this hypothesis draws no constants of modules")
    monkeypatch.setattr(providers, "_get_local_constants", _CONSTANTS_OF_MODULES)


@pytest.fixture(scope="session")
def tf() -> Any:
    """TensorFlow: it takes seconds to import, so only tests that verify against it ask for it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return importlib.import_module("tensorflow")


@pytest.fixture(scope="session")
def corpus_models() -> Path:
    """SavedModels of every kind, as ``<name>/<version>/saved_model.pb``."""
    return _ROOT / "tests" / "conformance" / "corpus" / "models"


@pytest.fixture
def fresh_python() -> Callable[[str], str]:
    """Run code in a new interpreter and return what it prints."""

    def run(code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120, cwd=_ROOT
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
