"""``tfserving-harness serve``: serve a SavedModel until Ctrl-C, and show how to call it."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

from harness.checks import guess_inputs
from harness.cli.server_options import add_server_options, served
from harness.clients import GrpcClient, RestClient
from harness.clients.rest_codec import predict_body
from harness.errors import ServerError, UsageError

if TYPE_CHECKING:
    import argparse

    from harness.endpoint import Endpoint
    from harness.servers import Server

__all__ = ["add_parser"]

_POLL_S = 0.5
_LONGEST_EXAMPLE = 1500


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("serve", help="serve a SavedModel until Ctrl-C", description=__doc__)
    add_server_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.endpoint is not None:
        raise UsageError("serve starts a server; --endpoint names one that runs already")
    with served(options) as server:
        print(f"serving by backend {server.backend}")
        _print_examples(server.endpoint)
        print("Ctrl-C ends it.", flush=True)
        _wait(server)
    return 0


def _print_examples(endpoint: Endpoint) -> None:
    print(f"  gRPC  {endpoint.grpc}\n  REST  {endpoint.rest}\n  model {endpoint.model}")
    with GrpcClient(endpoint) as client, RestClient(endpoint) as rest:
        for signature in client.signatures().values():
            if signature.is_internal or signature.method_name != "tensorflow/serving/predict":
                continue
            inputs = guess_inputs(signature, batch_size=1)
            body = predict_body(inputs, signature_name=signature.name, layout="column").decode()
            print(f"\n  {signature.name}: {'; '.join(map(str, signature.inputs))}")
            if len(body) <= _LONGEST_EXAMPLE:
                print(f"    curl -d '{body}' {rest.predict_url()}")
            print("    from harness import Endpoint, GrpcClient")
            print(f"    client = GrpcClient(Endpoint(grpc={endpoint.grpc!r}, rest=None, model={endpoint.model!r}))")
            given = ", ".join(f"{name!r}: ..." for name in inputs)
            print(f"    client.predict({{{given}}}, signature_name={signature.name!r})")


def _wait(server: Server) -> None:
    """Return at Ctrl-C.

    Raises:
        ServerError: the server ended by itself.
    """
    try:
        while server.is_running:
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not cut the stop short
        print("stopping")
        return
    raise ServerError("the server ended by itself", log_tail=server.log_tail())
