"""A repository that serves nothing notices nothing of the plugin."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HEAVY = ("numpy", "grpc", "docker", "requests", "rich", "tensorflow", "scipy", "psutil", "jinja2", "google.protobuf")


def test_unrelated_repository_sees_nothing(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No header line, no section, no step summary, no look for a backend."""
    summary = pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setattr("harness.servers.choose_backend", lambda _: pytest.fail("looked for a backend"))
    pytester.makepyfile("def test_passes(): pass\ndef test_fails(): assert 0")
    result = run("--junitxml=junit.xml")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("serving: *")
    result.stdout.no_fnmatch_line("*served*")
    result.stdout.no_fnmatch_line("*written*")
    assert "serving" not in (pytester.path / "junit.xml").read_text()
    assert not summary.exists()


def test_plugin_imports_nothing_heavy(pytester: pytest.Pytester, environment: dict[str, str]) -> None:
    """A whole run of a test without the harness leaves every large library unloaded."""
    pytester.makepyfile("def test_passes(): pass")
    code = (
        "import sys, pytest; code = pytest.main(['-q', '-p', 'no:cacheprovider', '-p', 'no:benchmark',"
        " '-p', 'no:hypothesispytest', '-p', 'no:xdist']);"
        f" print('loaded:', [name for name in {HEAVY!r} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loaded: []" in done.stdout


def test_collecting_this_repositorys_suites_imports_no_tensorflow(
    pytester: pytest.Pytester, environment: dict[str, str], pytestconfig: pytest.Config
) -> None:
    """Collecting tests/serving starts nothing, exports nothing, and imports neither TensorFlow nor docker."""
    code = (
        "import sys, pytest; code = pytest.main(['-q', '--collect-only', '-p', 'no:cacheprovider', 'tests/serving']);"
        " print('loaded:', [name for name in ('tensorflow', 'docker') if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=pytestconfig.rootpath,
        env={**environment, "TFSERVING_HARNESS_CACHE": str(pytester.path / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loaded: []" in done.stdout
    assert "test_served_model[parity-digits]" in done.stdout
    assert not (pytester.path / "cache").exists()


def test_user_test_without_a_model_says_what_is_missing(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """A test that asks for clients where no model is named errors with the remedy."""
    pytester.makepyfile("def test_mine(rest_client, grpc_client): pass")
    result = run()
    result.assert_outcomes(errors=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*there is no model to serve: run pytest with --model NAME=PATH*"])
