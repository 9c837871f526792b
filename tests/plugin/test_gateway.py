"""``--serving-endpoint`` behind a gateway: TLS and an authorization header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.gateway import SECRET, gateway_to

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TESTS = """
def test_both(rest_client, grpc_client):
    inputs = {"x": [1.0]}
    assert rest_client.predict(inputs)["y"].tolist() == grpc_client.predict(inputs)["y"].tolist() == [4.5]

def test_dies(endpoint):
    from dataclasses import replace
    from harness import RestClient
    RestClient(replace(endpoint, rest="https://localhost:1")).model_status()
"""


def test_tests_pass_the_gateway_and_tell_no_secret(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], addresses: dict[str, Any], tmp_path: Path
) -> None:
    """Both APIs answer, and neither the output, a failure's traceback, nor any report has the header's value."""
    pytester.makepyfile(TESTS)
    files = {name: tmp_path / name for name in ("report.html", "results.json", "summary.md", "junit.xml")}
    with gateway_to(grpc_target=addresses["grpc"], rest_url=addresses["rest"], folder=tmp_path) as gateway:
        result = run(
            "--model=half_plus_two", f"--serving-endpoint={gateway.address}", f"--serving-tls-ca={gateway.ca}",
            "--serving-header", f"authorization={SECRET}",
            f"--serving-report={files['report.html']}", f"--serving-results={files['results.json']}",
            f"--serving-summary={files['summary.md']}", f"--junitxml={files['junit.xml']}", "-vv", "--showlocals",
        )  # fmt: skip
    result.assert_outcomes(passed=1, failed=1)
    printed = [*result.outlines, *result.errlines, *(path.read_text() for path in files.values())]
    assert [text for text in printed if SECRET in text] == []
    assert "authorization=***" in files["results.json"].read_text()


REFUSED = {
    "no endpoint": (
        ("--serving-header=a=env:HOME",),
        "--serving-header says how a running server is reached, but none",
    ),
    "CA for a plain address": (
        ("--serving-endpoint=h.invalid:1", "--serving-tls-server-name=x"),
        "*but nothing at h.invalid:1 is called over TLS: write*",
    ),
    "no variable": (
        ("--serving-endpoint=h.invalid:1", "--serving-header=a=env:NO_SUCH"),
        "--serving-header a=env:NO_SUCH: the environment has no variable 'NO_SUCH'",
    ),
}


@pytest.mark.parametrize(("words", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_meant_is_refused(
    run: Callable[..., pytest.RunResult], words: tuple[str, ...], told: str
) -> None:
    """It is a usage error before anything is called."""
    result = run("--model=m", *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{told}*"])
