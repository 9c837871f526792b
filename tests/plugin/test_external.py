"""``--serving-endpoint``: the same tests against a server that somebody else runs."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TESTS = """
import pytest

def test_grpc(grpc_client):
    assert grpc_client.predict({"x": [1.0]})["y"].tolist() == [4.5]

def test_rest(rest_client):
    assert rest_client.predict({"x": [1.0]})["y"].tolist() == [4.5]

@pytest.mark.serving(args=["--enable_batching"])
def test_flags(server):
    pass
"""


@pytest.fixture
def dead_port() -> int:
    """A port that refuses."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_model_by_name_alone(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], addresses: dict[str, Any]
) -> None:
    """``--model NAME`` picks one of the running server's models; flags it cannot get any more skip their test."""
    pytester.makepyfile(TESTS)
    result = run(
        "--model=half_plus_two", f"--serving-endpoint={addresses['grpc']},{addresses['rest']}", "-rs",
        "--serving-results=results.json",
    )  # fmt: skip
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "serving: backend external (asked for)",
            "*wants a server with --enable_batching; the one at --serving-endpoint runs already",
        ]
    )


@pytest.mark.parametrize(("api", "passes", "other"), [("grpc", "test_grpc", "REST"), ("rest", "test_rest", "gRPC")])
def test_one_api_alone(
    pytester: pytest.Pytester,
    run: Callable[..., pytest.RunResult],
    addresses: dict[str, Any],
    api: str,
    passes: str,
    other: str,
) -> None:
    """An endpoint with one API runs that API's tests and skips the other's, with the reason."""
    pytester.makepyfile(TESTS)
    result = run("--model=half_plus_two", f"--serving-endpoint={addresses[api]}", "-v", "-rs")
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines([f"*::{passes}[[]half_plus_two[]] PASSED*", f"*the endpoint has no {other} address"])


UNFIT = {
    "refuses": ("127.0.0.1:{dead}", "nothing listens at that address; is the server running?"),
    "refuses REST": ("http://127.0.0.1:{dead}", "nothing listens at that address; is the server running?"),
    "gRPC port as REST": ("http://{grpc}", "that is not a REST port; gRPC addresses are given as HOST:PORT*"),
    "REST port as gRPC": ("{rest_port}", "that is not a gRPC port; REST addresses are given as http://HOST:PORT"),
}


@pytest.mark.parametrize(("endpoint", "cause"), UNFIT.values(), ids=UNFIT.keys())
def test_endpoint_that_does_not_answer(
    pytester: pytest.Pytester,
    run: Callable[..., pytest.RunResult],
    addresses: dict[str, Any],
    dead_port: int,
    endpoint: str,
    cause: str,
) -> None:
    """Within the time given it is an error with address, what was seen, and the likely cause."""
    rest_port = addresses["rest"].removeprefix("http://")
    text = endpoint.format(dead=dead_port, grpc=addresses["grpc"], rest_port=rest_port)
    pytester.makepyfile("def test_one(server): pass")
    result = run("--model=half_plus_two", f"--serving-endpoint={text}", "--serving-timeout=0.5")
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["NotReadyError: not ready within 0.5 s; wanted half_plus_two any version; seen *", f"*likely cause: {cause}"]
    )


def test_model_that_the_server_does_not_have(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], addresses: dict[str, Any]
) -> None:
    """An unknown model's name is told apart from a server that does not answer."""
    pytester.makepyfile("def test_one(server): pass")
    result = run("--model=nope", f"--serving-endpoint={addresses['grpc']}", "--serving-timeout=0.5")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["NotReadyError: *Could not find any versions of model nope", "*likely cause: the server runs, but has no*"]
    )


def test_unknown_signature_version_and_label_are_told(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], addresses: dict[str, Any]
) -> None:
    """What the client was asked for and the server's own words end a test that asks for what is not there."""
    pytester.makepyfile(
        """
        INPUTS = {"x": [1.0]}

        def test_signature(client): client.predict(INPUTS, signature_name="no_such_signature")
        def test_version(client): client.predict(INPUTS, version=4711)
        def test_label(client): client.predict(INPUTS, label="no_such_label")
        """
    )
    result = run("--model=half_plus_two", f"--serving-endpoint={addresses['grpc']},{addresses['rest']}")
    result.assert_outcomes(failed=6)
    output = result.stdout.str()
    assert "request: metadata model=half_plus_two version=4711" in output
    assert "Servable not found for request: Specific(half_plus_two, 4711)" in output
    assert "Unrecognized servable version label: no_such_label" in output
    assert "no_such_signature" in output


def test_bare_and_several_models_on_one_server(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], half_plus_two: Any
) -> None:
    """Several ``--model`` share a server: base path or bare SavedModel, given by path or named by the repository."""
    pytester.makeconftest(
        f"def pytest_serving_models(config): return {{'own': {str(half_plus_two)!r}, 'not_asked': '/'}}"
    )
    pytester.makepyfile(
        """
        SERVERS = set()

        def test_answers(grpc_client, server):
            SERVERS.add(server)
            assert grpc_client.predict({"x": [1.0]})["y"].tolist() == [4.5]

        def test_one_server(server):
            assert SERVERS == {server}
            assert server.spec.model_names == ("own", "bare")
        """
    )
    bare = pytester.path / "saved"
    bare.symlink_to(half_plus_two / "3")
    result = run("--model=own", f"--model=bare={bare}", "--serving-backend=standin")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["serving: models own, bare"])
