"""What to send: pools of encoded requests for each API that can carry them, one for each size that is varied."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.server_options import Once, tags_of
from harness.errors import UsageError
from harness.measure.pool_for import pool_for, pools_of_growing_payload
from harness.option_values import numbers, whole_number

if TYPE_CHECKING:
    import argparse

    from harness.endpoint import Endpoint
    from harness.measure import RequestPool
    from harness.results.measured import Api
    from harness.servers import Server

__all__ = ["add_pool_options", "apis_of", "check_pool_options", "log_files", "pools_of"]

_USUAL = "usual"


def add_pool_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that say what is sent."""
    group.add_argument("--signature", action=Once, metavar="NAME", help="the signature to call (default: that of most)")
    group.add_argument("--examples", action=Once, metavar="FILE", help="send the requests of this .npz or .json file")
    group.add_argument(
        "--requests-from", action=Once, metavar="LOG,LOG", help="send those of these TFRecord files of PredictionLogs"
    )
    group.add_argument(
        "--batch-size",
        action=Once,
        metavar="N,N",
        help="examples in a request, varied if several (default: as many as they have; 1 in made-up ones)",
    )
    group.add_argument(
        "--payload-sweep",
        action=Once,
        nargs="?",
        const=_USUAL,
        metavar="N,N",
        help="vary the sizes that the signature leaves open besides the batch",
    )


def check_pool_options(options: argparse.Namespace) -> None:
    """Refuse values that name no requests.

    Raises:
        UsageError: a value is wrong, a file is missing, or options contradict each other.
    """
    _batch_sizes(options)
    _payload_sizes(options)
    given = [name for name in ("examples", "requests_from") if getattr(options, name) is not None]
    if len(given) > 1:
        raise UsageError("--examples and --requests-from both say what to send; give one of them")
    if given and options.payload_sweep is not None:
        raise UsageError(
            f"--payload-sweep makes its requests up, but --{given[0].replace('_', '-')} says what to send; give one of"
            " them"
        )
    files = [] if options.examples is None else [Path(options.examples)]
    for path in (*files, *log_files(options)):
        if not path.exists():
            raise UsageError(f"--{given[0].replace('_', '-')} {path}: there is no such file")


def log_files(options: argparse.Namespace) -> list[Path]:
    """Return the files of ``--requests-from``; none if it is not given."""
    return [Path(part.strip()) for part in (options.requests_from or "").split(",") if part.strip()]


def pools_of(server: Server, options: argparse.Namespace) -> dict[Api, tuple[RequestPool, ...]]:
    """Return what to send over each API that was asked for; REST is left out, with a word, if it cannot carry it.

    Raises:
        CheckError: the examples cannot be read.
        SignatureError: the model has no such signature.
        UsageError: no request can be sent, or the signature has no size that could be varied.
    """
    pools: dict[Api, tuple[RequestPool, ...]] = {}
    for api in apis_of(options.api, server.endpoint):
        try:
            pools[api] = tuple(_pools(server, api, options))
        except UsageError as exc:
            if api == options.api or not pools:
                raise
            print(f"{api} is left out: {exc}", file=sys.stderr)
    for note in dict.fromkeys(note for several in pools.values() for pool in several for note in pool.notes):
        print(f"note: {note}", file=sys.stderr)
    return pools


def apis_of(asked: str, endpoint: Endpoint) -> list[Api]:
    """Return the APIs that ``--api`` asks for, of those at which the endpoint answers.

    Raises:
        UsageError: there is none.
    """
    chosen: list[Api] = [api for api in endpoint.apis if asked in ("both", api)]
    if not chosen:
        raise UsageError(f"--api {asked}: --endpoint names no {asked} address, only {endpoint.apis[0]}")
    return chosen


def _pools(server: Server, api: Api, options: argparse.Namespace) -> list[RequestPool]:
    seed, tags, signature = whole_number(options.seed, "--seed"), tags_of(options), options.signature
    if options.payload_sweep is not None:
        sizes = _payload_sizes(options)
        found: list[RequestPool] = []
        for batch_size in _batch_sizes(options):
            grown = pools_of_growing_payload(
                server, api, sizes=sizes, signature=signature, batch_size=batch_size, seed=seed, tags=tags
            )
            found += grown.pools.values()
            for size, why in grown.refused.items():
                print(f"note: open sizes of {size} are left out: {why}", file=sys.stderr)
        return found
    examples = None if options.examples is None else Path(options.examples)
    return [
        pool_for(
            server,
            api,
            examples=examples,
            log=log_files(options) or None,
            signature=signature,
            batch_size=batch_size,
            seed=seed,
            tags=tags,
        )
        for batch_size in _batch_sizes(options)
    ]


def _batch_sizes(options: argparse.Namespace) -> list[int | None]:
    return [None] if options.batch_size is None else [*numbers(options.batch_size, "--batch-size")]


def _payload_sizes(options: argparse.Namespace) -> list[int] | None:
    text = options.payload_sweep
    return None if text in (None, _USUAL) else numbers(text, "--payload-sweep")
