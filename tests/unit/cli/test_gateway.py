"""A server behind a gateway, from the command line: TLS and an authorization header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.gateway import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fixtures.gateway import Gateway
    from harness import Server

FROM_ENVIRONMENT = ("--header", "authorization=env:GATEWAY_TOKEN")
LITERAL = ("--header", f"authorization={SECRET}")


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_TOKEN", SECRET)


def _written(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.iterdir())


def test_check_passes_the_gateway_and_tells_no_secret(
    cli: Callable[..., Any], gateway: Gateway, there: tuple[str, ...], tmp_path: Path
) -> None:
    """A check over both APIs succeeds, and the header's value is neither printed nor in any file of the report."""
    gateway.passed.clear()
    ended = cli("check", *there, *LITERAL, "--only", "parity", "--report", tmp_path)
    assert ended.code == 0, ended.out + ended.err
    assert {"/v1/models/half_plus_two:predict", "/tensorflow.serving.PredictionService/Predict"} <= {*gateway.passed}
    written = _written(tmp_path)
    assert "authorization=***" in written
    assert SECRET not in ended.out + ended.err + written


def test_load_passes_the_gateway(
    cli: Callable[..., Any], gateway: Gateway, there: tuple[str, ...], tmp_path: Path
) -> None:
    """A closed loop over both APIs is answered, with the server's own metrics asked through the gateway as well."""
    gateway.passed.clear()
    few = ("--requests", "20", "--concurrency", "2", "--warmup", "0")
    ended = cli("load", *there, *FROM_ENVIRONMENT, *few, "--report", tmp_path)
    assert ended.code == 0, ended.out + ended.err
    assert "/monitoring/prometheus/metrics" in gateway.passed
    written = _written(tmp_path)
    assert "authorization=env:GATEWAY_TOKEN" in written
    assert SECRET not in ended.out + ended.err + written


def test_no_header_is_told_by_the_gateway(cli: Callable[..., Any], there: tuple[str, ...]) -> None:
    """What the gateway answers to a call without the header is shown, with the option that gives one."""
    ended = cli("check", *there, "--only", "parity", "--timeout", "0.5")
    assert ended.code == 3
    assert "the gateway wants an authorization header" in ended.err
    assert "--header" in ended.err


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("{gateway.grpc}", "speaks TLS, write grpcs://"),
        ("http://{gateway.rest}", "https://HOST:PORT for REST"),
        ("grpcs://{plain}", "grpc://"),
        ("https://{plain_rest}", "http://"),
    ],
)
def test_the_wrong_scheme_is_told(
    cli: Callable[..., Any], gateway: Gateway, running: Server, address: str, told: str
) -> None:
    """Plain text to a port with TLS, and TLS to a plain one, say so."""
    grpc, rest = map(str, running.engine.addresses())
    endpoint = address.format(gateway=gateway, plain=grpc, plain_rest=rest.removeprefix("http://"))
    ended = cli("check", "--endpoint", endpoint, "--name", "half_plus_two", "--timeout", "0.5")
    assert ended.code == 3
    assert "TLS" in ended.err.partition("likely cause")[2]
    assert told in ended.err


AT = ("--endpoint", "grpcs://h.invalid:1", "--name", "m")
REFUSED = {
    "header without an endpoint": ((".", *FROM_ENVIRONMENT), "--header says how a running server is reached, but none"),
    "CA without an endpoint": ((".", "--tls-ca", "ca.pem"), "--tls-ca says how a running server is reached, but none"),
    "TLS for a plain address": (
        ("--endpoint", "h.invalid:1,http://h.invalid:2", "--name", "m", "--tls-server-name", "x"),
        "but nothing at h.invalid:1,http://h.invalid:2 is called over TLS: write grpcs://",
    ),
    "file that is not there": ((*AT, "--tls-ca", "none.pem"), "TLS file none.pem cannot be read"),
    "file of something else": ((*AT, "--tls-ca", __file__), "the TLS files cannot be used: "),
    "half a client certificate": ((*AT, "--tls-cert", "a.pem"), "give both --tls-cert and --tls-key, or neither"),
    "no variable": ((*AT, "--header", "a=env:NO_SUCH"), "the environment has no variable 'NO_SUCH', or it is empty"),
    "no name": ((*AT, "--header", SECRET), "--header should be NAME=VALUE"),
    "bad name": ((*AT, "--header", f"a b={SECRET}"), "header name 'a b' must be made of letters"),
    "bad value": ((*AT, "--header", f"a={SECRET}\n"), "the value of header 'a' must be printable ASCII"),
    "gRPC's own": ((*AT, "--header", f"grpc-timeout={SECRET}"), "header 'grpc-timeout' cannot be sent over gRPC"),
    "bytes over gRPC": ((*AT, "--header", f"a-bin={SECRET}"), "header 'a-bin' would be bytes over gRPC"),
    "twice": ((*AT, "--header", f"a={SECRET}", "--header", f"A={SECRET}"), "header 'a' is given twice"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused(cli: Callable[..., Any], case: str) -> None:
    """The command ends with 3 before anything is called, the text says why, and shows no header's value."""
    words, told = REFUSED[case]
    ended = cli("check", *words)
    assert ended.code == 3
    assert told in ended.err
    assert SECRET not in ended.out + ended.err


def test_a_command_without_the_option_hides_it_too(cli: Callable[..., Any]) -> None:
    """An option that a command does not know is shown without the value."""
    ended = cli("gate", "here", *LITERAL)
    assert ended.code == 3
    assert "unrecognized arguments: --header authorization=***" in ended.err
