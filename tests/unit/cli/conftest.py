"""The command line, called in this process; a machine without a Docker engine; a server to point it at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from fixtures.example_models import EXAMPLE_MODELS, exported
from fixtures.gateway import Gateway, gateway_to
from harness.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness import Server


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """A function that runs a command to its end."""

    def run(*words: object) -> Ended:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as exc:  # argparse: --help, --version, bad usage
            code = int(exc.code or 0)
        out, err = capsys.readouterr()
        return Ended(code=code, out=out, err=err)

    return run


@pytest.fixture(scope="session")
def half_plus_two() -> Path:
    """The base path of half_plus_two, with versions 1, 2 and 3."""
    return exported("half_plus_two")


@pytest.fixture(scope="session")
def served_paths(corpus_models: Path) -> dict[str, Path]:
    """Base path by name of the example models and of some odd ones."""
    odd = ("dtypes", "failing", "no_default_signature")
    return {
        **{name: exported(name) for name in EXAMPLE_MODELS},
        **{name: corpus_models / name for name in odd},
        "odd_signatures": corpus_models / "half_plus_two",
    }


@pytest.fixture(scope="session")
def running(served_paths: dict[str, Path]) -> Iterator[Server]:
    """A stand-in that serves them all."""
    from harness.serving import serve

    with serve(served_paths, backend="standin") as server:
        yield server


@pytest.fixture(scope="session")
def addresses(running: Server) -> dict[str, str]:
    """Its addresses, as ``--endpoint`` takes them."""
    grpc, rest = running.engine.addresses()
    return {"grpc": str(grpc), "rest": str(rest), "both": f"{grpc},{rest}"}


@pytest.fixture(scope="session")
def gateway(running: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in front of the stand-in, with a certificate for another name than it is called by."""
    grpc, rest = running.engine.addresses()
    folder = tmp_path_factory.mktemp("gateway")
    with gateway_to(grpc_target=str(grpc), rest_url=str(rest), folder=folder, host="model.example") as gateway:
        yield gateway


@pytest.fixture
def there(gateway: Gateway) -> tuple[str, ...]:
    """The options that lead there, but for the header."""
    secured = ("--tls-ca", str(gateway.ca), "--tls-server-name", "model.example")
    return ("--endpoint", gateway.address, "--name", "half_plus_two", *secured)
