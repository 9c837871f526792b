"""The options of every command that needs a served model, and the server they lead to."""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.model_config import ModelConfig
from harness.option_values import asked_backend, check_name, refuse_unfit_flags, seconds
from harness.servers import BACKENDS, ServerSpec, start
from harness.servers.container_options import CONTAINER_OPTIONS, ContainerOptions, parse_environment
from harness.servers.gateway_options import GATEWAY_OPTIONS, HEADER_HELP, external_address
from harness.serving import serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.servers import ExternalAddress, Server

__all__ = ["PREDICT", "Once", "add_server_options", "port", "positive", "served", "tags_of"]

PREDICT = "tensorflow/serving/predict"


_DEFAULT_TIMEOUT = "120"


class Once(argparse.Action):
    """Stores a value, and refuses a second one instead of forgetting the first."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store the value."""
        given = namespace.__dict__.setdefault("_given", set())
        if self.dest in given:
            parser.error(f"{option_string} is given twice: {getattr(namespace, self.dest)} and {values}; give it once")
        if isinstance(values, str) and not values.strip():
            parser.error(f"{option_string} is given without a value (is a variable in the command empty?)")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def positive(text: str) -> int:
    """Return a whole number above 0, for argparse."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} should be a whole number above 0")
    return number


def port(text: str) -> int:
    """Return a port, for argparse."""
    number = positive(text)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port; ports end at 65535")
    return number


def add_server_options(
    parser: argparse.ArgumentParser, *, several_endpoints: bool = False, own_ports: bool = True, gateway: bool = True
) -> None:
    """Add the options that say what is served, and by what.

    Args:
        parser: gets them.
        several_endpoints: whether ``--endpoint`` may be repeated; it is then a list.
        own_ports: whether the server's ports may be chosen; if not, they are free ones.
        gateway: whether to add those that say how the endpoint is reached.
    """
    parser.add_argument("path", nargs="?", help="base path (DIR with DIR/1/saved_model.pb) or bare SavedModel")
    group = parser.add_argument_group("server")
    group.add_argument("--name", action=Once, help="the model's name (default: the path's last component)")
    group.add_argument("--backend", action=Once, choices=BACKENDS, default="auto", help="what runs it (default: auto)")
    group.add_argument("--image", action=Once, help="container image; asks for backend container")
    group.add_argument("--binary", action=Once, help="tensorflow_model_server to run; asks for backend binary")
    group.add_argument(
        "--endpoint",
        action="append" if several_endpoints else Once,
        help="a running server: HOST:PORT,http://HOST:PORT (with TLS: grpcs://, https://); needs --name"
        + ("; several in turn" * several_endpoints),
    )
    if gateway:
        for name, field, text in GATEWAY_OPTIONS:
            group.add_argument(f"--{name}", dest=field, action=Once, help=text)
        group.add_argument("--header", action="append", default=[], metavar="NAME=VALUE", help=HEADER_HELP)
    if own_ports:
        group.add_argument("--port", action=Once, type=port, help="gRPC port (default: a free one)")
        group.add_argument("--rest-port", action=Once, type=port, help="REST port (default: a free one)")
    else:
        parser.set_defaults(port=None, rest_port=None)
    group.add_argument("--tags", action=Once, help="tags of the SavedModel, with commas between (default: serve)")
    group.add_argument("--timeout", action=Once, help="seconds to become available (default: 120)")
    for name, field, text in CONTAINER_OPTIONS:
        group.add_argument(f"--{name}", dest=field, action=Once, help=text)
    group.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="environment variable of it")
    group.add_argument("--arg", action="append", default=[], help="flag for the server, e.g. --arg=--enable_batching")


@contextmanager
def served(options: argparse.Namespace, *, metrics: bool = False) -> Iterator[Server]:
    """Serve what the options say until the block ends; with `metrics` if it is to show what it measures itself.

    Raises:
        UsageError: neither a path nor an endpoint with a name, or options that contradict each other.
        HarnessError: the model cannot be served.
    """
    backend = asked_backend(
        options.backend, image=options.image, binary=options.binary, endpoint=options.endpoint, prefix="--"
    )
    refuse_unfit_flags(options.arg, option="--arg", endpoint=options.endpoint)
    timeout_s = seconds(_DEFAULT_TIMEOUT if options.timeout is None else options.timeout, "--timeout")
    common: dict[str, Any] = {
        "args": tuple(options.arg),
        "environment": parse_environment(options.env, "--env"),
        "container": ContainerOptions.from_options({name: getattr(options, name) for _, name, _ in CONTAINER_OPTIONS}),
        "ready_timeout_s": timeout_s,
        "backend": backend,
        "metrics": metrics,
    }
    external = external_address(options.endpoint, vars(options), vars(options).get("header", ()))
    if external is not None:
        with start(_external_spec(options, external, common)) as server:
            yield server
        return
    if options.path is None:
        raise UsageError("nothing to serve: give the PATH of a SavedModel, or --endpoint and --name")
    with serve(
        options.path,
        name=options.name,
        tags=tags_of(options),
        image=options.image,
        binary=options.binary,
        grpc_port=options.port,
        rest_port=options.rest_port,
        **common,
    ) as server:
        yield server


def tags_of(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the SavedModel's tags."""
    return ("serve",) if options.tags is None else tuple(tag.strip() for tag in options.tags.split(","))


def _external_spec(options: argparse.Namespace, external: ExternalAddress, common: dict[str, Any]) -> ServerSpec:
    if options.name is None:
        raise UsageError("--endpoint needs --name: which of the server's models is meant?")
    for option in ("port", "rest_port"):
        if getattr(options, option) is not None:
            raise UsageError(
                f"--{option.replace('_', '-')} is for a server that is started here; the one at {options.endpoint} runs"
                " already, and --endpoint names its ports"
            )
    model = ModelConfig(name=check_name(options.name), base_path=options.path or "")
    return ServerSpec(models=(model,), external=external, **common)
