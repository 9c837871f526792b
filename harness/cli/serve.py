"""``tfserving-harness serve``: serve a SavedModel until Ctrl-C, and show how to call it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from harness.checks import guess_inputs
from harness.cli.server_options import PREDICT, add_server_options, served
from harness.cli.waiting import told_to_stop, wait_until_told
from harness.clients import GrpcClient, RestClient
from harness.clients.rest_codec import predict_body
from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    import argparse

    from harness.endpoint import Endpoint
    from harness.signatures import Signature

__all__ = ["add_options", "run"]

_LONGEST_EXAMPLE = 1500


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_server_options(parser, gateway=False)


def run(options: argparse.Namespace) -> int:
    """Serve; Ctrl-C is the way to end it, and so a success."""
    if options.endpoint is not None:
        raise UsageError("serve starts a server; --endpoint names one that runs already")
    with served(options) as server, told_to_stop() as told:
        print(f"serving by backend {server.backend}")
        _print_examples(server.endpoint)
        print("Ctrl-C ends it.", flush=True)
        wait_until_told(server, told)
        print("stopping", flush=True)
        server.stop()
    return 0


def _print_examples(endpoint: Endpoint) -> None:
    print(f"  gRPC  {endpoint.grpc}\n  REST  {endpoint.rest}\n  model {endpoint.model}")
    with GrpcClient(endpoint) as client, RestClient(endpoint) as rest:
        try:
            signatures = client.signatures()
        except HarnessError as exc:  # it serves all the same
            print(f"\n  no examples: {exc}")
            return
        for signature in signatures.values():
            if not signature.is_internal and signature.method_name == PREDICT:
                print(f"\n  {signature.name}: {'; '.join(map(str, signature.inputs))}")
                _print_example(endpoint, rest, signature)


def _print_example(endpoint: Endpoint, rest: RestClient, signature: Signature) -> None:
    try:
        body = predict_body(guess_inputs(signature, batch_size=1), signature_name=signature.name, layout="column")
    except HarnessError as exc:  # a dtype that JSON cannot carry
        print(f"    no curl example: {exc}")
    else:
        if len(body) <= _LONGEST_EXAMPLE:
            print(f"    curl -d {shlex.quote(body.decode())} {rest.predict_url()}")
    print("    from harness import Endpoint, GrpcClient")
    print(f"    client = GrpcClient(Endpoint(grpc={endpoint.grpc!r}, rest=None, model={endpoint.model!r}))")
    given = ", ".join(f"{spec.name!r}: ..." for spec in signature.inputs)
    print(f"    client.predict({{{given}}}, signature_name={signature.name!r})")
