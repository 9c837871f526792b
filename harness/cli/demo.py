"""``tfserving-harness demo``: a page where one drops an image and sees what client code makes of it with the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.load.pools import apis_of
from harness.cli.pipelines import find_pipeline
from harness.cli.server_options import Once, add_server_options, port, served
from harness.cli.waiting import told_to_stop, wait_until_told
from harness.clients import open_client
from harness.demo import DemoServer, Facts, Limits, Marker, render_page
from harness.option_values import size_bytes

if TYPE_CHECKING:
    import argparse


__all__ = ["add_options", "run"]

_MOST = "20MiB"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "pipeline",
        metavar="MODULE[:CALLABLE]",
        help="client code, e.g. models.commodity: a callable (default: make_prediction) that takes an image file's"
        " bytes and a client, and returns a PNG file",
    )
    add_server_options(parser, own_ports=False)
    group = parser.add_argument_group("page")
    group.add_argument(
        "--port",
        dest="page_port",
        action=Once,
        type=_page_port,
        default=0,
        help="the page's port (default: a free one)",
    )
    group.add_argument("--most-bytes", action=Once, help=f"the largest image file taken (default: {_MOST})")
    group.add_argument(
        "--api", action=Once, choices=("grpc", "rest"), help="what to call (default: grpc, if it is served)"
    )


def run(options: argparse.Namespace) -> int:
    """Show the page; Ctrl-C is the way to end it, and so a success."""
    pipeline = find_pipeline(options.pipeline)
    limits = Limits(most_bytes=size_bytes(_MOST if options.most_bytes is None else options.most_bytes, "--most-bytes"))
    with DemoServer(port=options.page_port, limits=limits) as demo, served(options) as server, told_to_stop() as told:
        with open_client(server.endpoint, apis_of(options.api or "both", server.endpoint)[0]) as client:
            marker = Marker(pipeline, client)
            marker.prepare()
            facts = Facts(
                model=server.endpoint.model,
                pipeline=pipeline.name,
                backend=server.backend.name,
                api=client.api,
                most_bytes=limits.most_bytes,
            )
            with demo.answering(render_page(facts), marker, name=pipeline.name):
                print(f"serving by backend {server.backend}")
                print(f"the page: {demo.url}")
                print("Ctrl-C ends it.", flush=True)
                wait_until_told(server, told)
                print("stopping", flush=True)
        server.stop()
    return 0


def _page_port(text: str) -> int:
    return 0 if text == "0" else port(text)
