"""``--update-goldens`` and the hook that says what to ask, in somebody's repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

CONFTEST = """
import numpy as np
from harness.checks import Request

def pytest_serving_requests(config, model):
    if model == "half_plus_two":
        return [Request(inputs={"x": np.ones(2, np.float32)}, source="my conftest", name="two_ones")]
"""
OWN_TEST = "def test_own(): pass"


def _words(addresses: dict[str, Any]) -> tuple[str, ...]:
    return ("--model=half_plus_two", f"--serving-endpoint={addresses['grpc']},{addresses['rest']}")


def test_recorded_once_and_compared_ever_after(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], addresses: dict[str, Any]
) -> None:
    """The option records beside the repository's own tests, says what it wrote, and the check then finds it."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(OWN_TEST)
    recorded = run(*_words(addresses), "--update-goldens")
    recorded.assert_outcomes(passed=2)
    written = "goldens/half_plus_two/two_ones.json"
    recorded.stdout.fnmatch_lines([f"goldens of half_plus_two: two_ones: written to {written}: y float32 *"])
    path = pytester.path / written
    before = path.read_text()
    assert '"source": "my conftest"' in before
    run(*_words(addresses), "--serving-checks=goldens").assert_outcomes(passed=2)
    path.write_text(before.replace("4.5", "4.75"))
    failed = run(*_words(addresses), "--serving-checks=goldens")
    failed.assert_outcomes(passed=1, failed=1)
    failed.stdout.fnmatch_lines(["*goldens of half_plus_two: two_ones over gRPC", "*y: ?0? is 4.5, expected 4.75 (*"])
    again = run(*_words(addresses), "--update-goldens")
    again.stdout.fnmatch_lines(["goldens of half_plus_two: two_ones: written to *: other than before: y: *"])
    assert path.read_text() == before


def test_nothing_is_recorded_in_continuous_integration(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ``CI`` is set the option is refused."""
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile(OWN_TEST)
    result = run("--update-goldens")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--update-goldens writes files for people to review*"])
