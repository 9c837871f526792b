"""The options of every command that needs a served model, and the server they lead to."""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.model_config import ModelConfig
from harness.servers import BACKENDS, ExternalAddress, ServerSpec, start
from harness.serving import serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.servers import Server

__all__ = ["Once", "add_server_options", "served"]


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
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is served, and by what."""
    parser.add_argument("path", nargs="?", help="base path (DIR with DIR/1/saved_model.pb) or bare SavedModel")
    group = parser.add_argument_group("server")
    group.add_argument("--name", action=Once, help="the model's name (default: the path's last component)")
    group.add_argument("--backend", action=Once, choices=BACKENDS, default="auto", help="what runs it (default: auto)")
    group.add_argument("--image", action=Once, help="container image")
    group.add_argument("--binary", action=Once, help="tensorflow_model_server to run")
    group.add_argument("--endpoint", action=Once, help="a running server: HOST:PORT,http://HOST:PORT; needs --name")
    group.add_argument("--port", action=Once, type=int, help="gRPC port (default: a free one)")
    group.add_argument("--rest-port", action=Once, type=int, help="REST port (default: a free one)")
    group.add_argument("--tags", action=Once, default="serve", help="tags of the SavedModel (default: serve)")
    group.add_argument("--timeout", action=Once, type=float, default=120.0, help="seconds to become available")
    group.add_argument("--arg", action="append", default=[], help="flag for the server, e.g. --arg=--enable_batching")


@contextmanager
def served(options: argparse.Namespace) -> Iterator[Server]:
    """Serve what the options say until the block ends.

    Raises:
        UsageError: neither a path nor an endpoint with a name, or both.
        HarnessError: the model cannot be served.
    """
    common = {"args": tuple(options.arg), "ready_timeout_s": options.timeout, "backend": options.backend}
    if options.endpoint is not None:
        if options.name is None:
            raise UsageError("--endpoint needs --name: which of the server's models is meant?")
        model = ModelConfig(name=options.name, base_path=options.path or "")
        spec = ServerSpec(models=(model,), external=ExternalAddress.parse(options.endpoint), **common)
        with start(spec) as server:
            yield server
        return
    if options.path is None:
        raise UsageError("nothing to serve: give the PATH of a SavedModel, or --endpoint and --name")
    with serve(
        options.path,
        name=options.name,
        tags=tuple(options.tags.split(",")),
        image=options.image,
        binary=options.binary,
        grpc_port=options.port,
        rest_port=options.rest_port,
        **common,
    ) as server:
        yield server
