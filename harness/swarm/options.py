"""Options of a swarm: Locust's own command line, extended. A master tells its workers what was typed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.servers.gateway_options import GATEWAY_OPTIONS, HEADER_HELP, external_address

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from locust.env import Environment

    from harness.endpoint import Endpoint

__all__ = ["add_options", "endpoint_of"]


def add_options(parser: ArgumentParser) -> None:
    """Add what Locust cannot know; each option can be given by an environment variable, too."""
    group: Any = parser.add_argument_group("TensorFlow Serving")
    texts = {
        "endpoint": "HOST:PORT of gRPC, http://HOST:PORT of REST, or both with a comma between; default: --host",
        "model": "the servable's name",
        "signature": "only requests to this signature",
        "examples": "an .npz or .json file of requests; default: values made up from the signature",
        "requests": "a file of encoded requests, as write_pools wrote it; the server is then not asked for signatures",
        "arrivals": "constant or poisson: how a user's requests follow each other at --serving-rate",
        "results": "write a results.json there (on the master, or without workers)",
    }
    defaults = {"arrivals": "constant"}
    for name, text in texts.items():
        group.add_argument(
            f"--serving-{name}",
            env_var=f"SERVING_{name.upper()}",
            default=defaults.get(name, ""),
            help=text,
        )
    for name, field, text in GATEWAY_OPTIONS:
        group.add_argument(
            f"--serving-{name}", dest=f"serving_{field}", env_var=f"SERVING_{field.upper()}", default="", help=text
        )
    group.add_argument(
        "--serving-header",
        dest="serving_headers",
        action="append",
        default=[],
        env_var="SERVING_HEADER",
        metavar="NAME=VALUE",
        help=HEADER_HELP,
    )
    group.add_argument(
        "--serving-rate",
        env_var="SERVING_RATE",
        type=float,
        default=0.0,
        help="requests a second of each user; 0, the default: the next as soon as the last is answered",
    )
    group.add_argument(
        "--serving-timeout", env_var="SERVING_TIMEOUT", type=float, default=20.0, help="seconds for one request"
    )


def endpoint_of(environment: Environment) -> Endpoint:
    """Return where the model answers.

    Raises:
        UsageError: no address or no model was given, or an address that is none.
    """
    options: Any = environment.parsed_options
    address = options.serving_endpoint or environment.host
    if not address or not options.serving_model:
        raise UsageError("nothing to send load to: give --serving-endpoint HOST:PORT and --serving-model NAME")
    given = {field: getattr(options, f"serving_{field}") for _, field, _ in GATEWAY_OPTIONS}
    external = external_address(address, given, options.serving_headers)
    assert external is not None  # noqa: S101 - there is an address
    return external.endpoint(options.serving_model)
