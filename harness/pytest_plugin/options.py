"""The command-line options, declared and then parsed once into one frozen ServingConfig."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.option_values import asked_backend, check_name, refuse_unfit_flags, seconds
from harness.pytest_plugin import check_options, gate_options
from harness.pytest_plugin.check_options import CHECK_OPTIONS, CheckSettings
from harness.pytest_plugin.gate_options import GateSettings
from harness.servers.container_options import CONTAINER_OPTIONS, ContainerOptions, parse_environment
from harness.servers.gateway_options import GATEWAY_OPTIONS, HEADER_HELP, external_address
from harness.servers.spec import BACKENDS, BackendName, ExternalAddress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

__all__ = ["ServingConfig", "parse_config", "parse_models", "pytest_addoption", "refuse_repeated"]

# (option, destination, help); each may be given once on a command line.
_SINGLE = (
    ("--serving-backend", "serving_backend", f"what runs the server: {', '.join(BACKENDS)} (default: auto)"),
    (
        "--serving-image",
        "serving_image",
        "container image (default: tensorflow/serving at the version of the API)",
    ),
    ("--serving-binary", "serving_binary", "tensorflow_model_server to run (default: the one on PATH)"),
    (
        "--serving-endpoint",
        "serving_endpoint",
        "a running server: HOST:PORT,http://HOST:PORT (gRPC, REST or both; with TLS: grpcs://, https://)",
    ),
    *((f"--serving-{name}", f"serving_{field}", text) for name, field, text in GATEWAY_OPTIONS),
    *((f"--serving-{name}", f"serving_{field}", text) for name, field, text in CONTAINER_OPTIONS),
    ("--serving-logs", "serving_logs", "keep each server's log as a file in this directory"),
    ("--serving-timeout", "serving_timeout", "seconds the models may take to become available (default: 120)"),
    ("--serving-report", "serving_report", "write the report to this HTML file"),
    ("--serving-results", "serving_results", "write what was found and measured to this JSON file"),
    ("--serving-summary", "serving_summary", "write a Markdown summary to this file"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("tfserving-harness", "integration tests and benchmarks of served TensorFlow models")
    group.addoption(
        "--model",
        dest="serving_models",
        action="append",
        default=[],
        metavar="NAME[=PATH]",
        help="serve the SavedModel at PATH (a base path, or a bare SavedModel) as NAME; without PATH one of the"
        " repository's own models, or one of the running server's; may be repeated",
    )
    group.addoption(
        "--serving-arg",
        dest="serving_args",
        action="append",
        default=[],
        metavar="FLAG",
        help="pass a flag to the server, e.g. --serving-arg=--enable_batching; may be repeated",
    )
    group.addoption(
        "--serving-env",
        dest="serving_env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set an environment variable of the server; may be repeated",
    )
    group.addoption(
        "--serving-header",
        dest="serving_headers",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=HEADER_HELP,
    )
    group.addoption(
        "--serving-per-worker",
        dest="serving_per_worker",
        action="store_true",
        help="with pytest-xdist: start servers in each worker, instead of sharing the controller's",
    )
    for option, destination, text in _SINGLE:
        group.addoption(option, dest=destination, default=None, help=text)
    check_options.declare(group)
    gate_options.declare(group)


_DEFAULT_TIMEOUT = "120"


@dataclass(frozen=True, kw_only=True)
class ServingConfig:
    """What the command line said.

    Attributes:
        models: path by model name, None where only the name was given; empty to take all of the repository's own
            (``pytest_serving_models``).
        backend: what runs the server.
        image: container image, None for the default.
        binary: the server's executable, None for the one on PATH.
        external: a running server, None if there is none.
        args: flags for the server.
        environment: environment variables of the server.
        container: limits and surroundings of a container.
        log_directory: where each server's log is kept, None for nowhere.
        per_worker: whether each xdist worker starts servers of its own.
        ready_timeout_s: seconds the models may take to become available.
        report: HTML file to write, None for none.
        results: JSON file to write, None for none.
        summary: Markdown file to write, None for none.
        checks: what was said of the built-in checks.
        gate: what was said of the gate.
    """

    models: Mapping[str, Path | None]
    backend: BackendName = "auto"
    image: str | None = None
    binary: str | None = None
    external: ExternalAddress | None = None
    args: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    container: ContainerOptions = field(default_factory=ContainerOptions)
    log_directory: Path | None = None
    per_worker: bool = False
    ready_timeout_s: float = 120.0
    report: Path | None = None
    results: Path | None = None
    summary: Path | None = None
    checks: CheckSettings = field(default_factory=CheckSettings)
    gate: GateSettings = field(default_factory=GateSettings)

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The files that will be written at the end."""
        return tuple(path for path in (self.results, self.report, self.summary) if path is not None)


def parse_models(texts: Iterable[str]) -> dict[str, Path | None]:
    """Return paths by name from ``NAME=PATH`` texts, None for a bare ``NAME``.

    Raises:
        UsageError: another form, or a name given twice.
    """
    models: dict[str, Path | None] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not name or (equals and not path) or "/" in name:
            raise UsageError(f"--model {text!r} should be NAME=PATH, e.g. --model digits=build/digits")
        check_name(name)
        if name in models:
            both = f"{models[name] or name} and {path or name}"
            raise UsageError(f"--model {name} is given twice: {both}; give each model its own name")
        models[name] = Path(path).expanduser() if path else None
    return models


def refuse_repeated(arguments: Iterable[str]) -> None:
    """Refuse an option that was typed twice where only one can hold. Defaults from ini files do not count.

    Raises:
        UsageError: names the option and both values.
    """
    words = list(arguments)
    for option, _, _ in (*_SINGLE, *CHECK_OPTIONS):
        given = [word.partition("=")[2] for word in words if word.startswith(option + "=")]
        given += [following for word, following in pairwise(words) if word == option]
        if len(given) > 1:
            raise UsageError(f"{option} is given twice: {' and '.join(given)}; give it once")


def parse_config(options: pytest.Config) -> ServingConfig:
    """Return the parsed options.

    Raises:
        UsageError: a value that cannot be used, or values that contradict each other.
    """
    refuse_repeated(str(word) for word in options.invocation_params.args)
    given = {option: options.getoption(destination) for option, destination, _ in (*_SINGLE, *CHECK_OPTIONS)}
    _refuse_empty(given)
    get = options.getoption
    image, binary, endpoint = (given[f"--serving-{name}"] for name in ("image", "binary", "endpoint"))
    args = tuple(get("serving_args"))
    refuse_unfit_flags(args, option="--serving-arg", endpoint=endpoint)
    config = ServingConfig(
        models=parse_models(get("serving_models")),
        backend=asked_backend(
            _backend(given["--serving-backend"]), image=image, binary=binary, endpoint=endpoint, prefix="--serving-"
        ),
        image=image,
        binary=binary,
        external=external_address(
            endpoint,
            {field: given[f"--serving-{name}"] for name, field, _ in GATEWAY_OPTIONS},
            get("serving_headers"),
        ),
        args=args,
        environment=parse_environment(get("serving_env"), "--serving-env"),
        container=ContainerOptions.from_options(
            {field: given[f"--serving-{name}"] for name, field, _ in CONTAINER_OPTIONS}
        ),
        log_directory=_path(given["--serving-logs"]),
        per_worker=get("serving_per_worker"),
        ready_timeout_s=seconds(given["--serving-timeout"] or _DEFAULT_TIMEOUT, "--serving-timeout"),
        report=_path(given["--serving-report"]),
        results=_path(given["--serving-results"]),
        summary=_path(given["--serving-summary"]),
        checks=check_options.parse(options),
        gate=gate_options.parse(options),
    )
    _refuse_one_file_for_two(config.outputs)
    return config


def _refuse_empty(given: Mapping[str, str | None]) -> None:
    empty = [option for option, value in given.items() if value is not None and not value.strip()]
    if empty:
        raise UsageError(f"{empty[0]} is given without a value (is a variable in the command empty?)")


def _refuse_one_file_for_two(outputs: tuple[Path, ...]) -> None:
    for path in outputs:
        if outputs.count(path) > 1:
            raise UsageError(f"{path} is named for two outputs, and the second would replace the first; name two files")


def _backend(text: str | None) -> BackendName:
    for name in BACKENDS:
        if name == ("auto" if text is None else text):
            return name
    raise UsageError(f"--serving-backend {text!r} is not a backend; there are {', '.join(BACKENDS)}")


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text).expanduser().absolute()
