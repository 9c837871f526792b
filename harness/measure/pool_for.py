"""pool_for: from a running server to the requests that a load run sends to one of its models."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.checks.noise import noise_of
from harness.checks.opening import served_files
from harness.checks.subject import CheckOptions, Subject
from harness.clients import GrpcClient, RestClient, open_client
from harness.errors import UsageError
from harness.measure.made_up_requests import grow
from harness.measure.pool import RequestPool, make_pool
from harness.measure.sources import find_material
from harness.measure.traffic_log import read_traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.checks.request import Method, Request
    from harness.measure.material import Material
    from harness.results.measured import Api
    from harness.servers import Server

__all__ = ["PayloadPools", "pool_for", "pools_of_growing_payload"]


def pool_for(  # noqa: PLR0913 - what a user may say about the requests, all keyword-only
    where: Server | Subject,
    api: Api,
    *,
    model: str | None = None,
    examples: Path | None = None,
    requests: Sequence[Request] = (),
    goldens: Path | None = None,
    log: str | Path | Sequence[str | Path] | None = None,
    signature: str | None = None,
    method: Method | None = None,
    batch_size: int | None = None,
    count: int = 16,
    seed: int = 0,
    tags: tuple[str, ...] = ("serve",),
) -> RequestPool:
    """Return the requests to send to a served model: those of a log if one is given, else of the best source.

    The order of sources: ``examples``, ``requests``, ``goldens``, the model's warm-up records, made-up values.

    Args:
        where: a ready server; or a model under check, whose own options count where nothing is given here.
        api: ``grpc`` or ``rest``.
        model: which of the server's models, if it has several.
        examples: a ``.npz`` or ``.json`` file of requests.
        requests: requests that code gives, e.g. those of ``pytest_serving_requests``.
        goldens: a directory of recorded cases; their answers are what a load run's answers are compared with.
        log: TFRecord files of PredictionLog messages; in the order of their times.
        signature: only requests to this one.
        method: only requests of this method; None for the one that most have.
        batch_size: examples in each request; None for as many as there are, of made-up requests one.
        count: how many requests are made up; the other sources give all they have.
        seed: of what is made up.
        tags: the tag set of the SavedModel, given a server.

    Raises:
        CallError: the server does not answer.
        CheckError: examples or goldens cannot be read.
        SignatureError: the model has no such signature.
        UsageError: the model has no such API, or no request can be sent.
    """
    with _opened(where, api, model, tags) as (found, client):
        given: dict[str, Any] = {"examples": examples, "requests": tuple(requests), "goldens": goldens}
        options = replace(found.options, **{name: value for name, value in given.items() if value})
        subject = replace(found, options=options)
        if log is None:
            material = find_material(
                subject, client, signature=signature, batch_size=batch_size, count=count, seed=seed
            )
        else:
            paths = [log] if isinstance(log, str | Path) else list(log)
            material = read_traffic(paths, model=subject.model, signatures=subject.signatures)
        return _pool(subject, client, material, batch_size=batch_size, signature=signature, method=method)


@dataclass(frozen=True, kw_only=True)
class PayloadPools:
    """Pools of growing payload.

    Attributes:
        pools: by the size of every dimension that the signature leaves open besides the batch, growing.
        refused: why, by size, for sizes that the model does not take.
    """

    pools: Mapping[int, RequestPool]
    refused: Mapping[int, str] = field(default_factory=dict)


def pools_of_growing_payload(  # noqa: PLR0913 - same
    where: Server | Subject,
    api: Api,
    *,
    sizes: Sequence[int] | None = None,
    model: str | None = None,
    signature: str | None = None,
    batch_size: int | None = None,
    count: int = 4,
    seed: int = 0,
    tags: tuple[str, ...] = ("serve",),
) -> PayloadPools:
    """Return pools of made-up requests that differ in the sizes which the signature leaves open besides the batch.

    Such are the height and width of a picture, or the length of a sequence; all open sizes of a request are the same.

    Args:
        where: see `pool_for`.
        api: ``grpc`` or ``rest``.
        sizes: which; None for powers of 4 up to a million values in a request.
        model: see `pool_for`.
        signature: None for the default one.
        batch_size: examples in each request, None for one.
        count: how many requests in each pool.
        seed: of what is made up.
        tags: see `pool_for`.

    Raises:
        CallError: the server does not answer.
        SignatureError: the model has no such signature.
        UsageError: nothing is open besides the batch, the model takes fewer than two sizes, or a size below 1.
    """
    if sizes is not None and (not sizes or min(sizes) < 1):
        raise UsageError(f"sizes must be numbers of at least 1, got {list(sizes)}; e.g. [32, 64, 128]")
    wanted = None if sizes is None else sorted(set(sizes))
    with _opened(where, api, model, tags) as (subject, client):
        growth = grow(subject, client, sizes=wanted, signature=signature, batch_size=batch_size, count=count, seed=seed)
        pools = {size: _pool(subject, client, material) for size, material in growth.material.items()}
    return PayloadPools(pools=pools, refused=growth.refused)


def _pool(subject: Subject, client: GrpcClient | RestClient, material: Material, **options: Any) -> RequestPool:
    names = {one.request.signature_name for one in material.asked} & subject.signatures.keys()
    noise = {name: noise_of(subject, subject.signatures[name]) for name in sorted(names)}
    return make_pool(client, material.asked, source=material.source, noise=noise, notes=material.notes, **options)


@contextmanager
def _opened(
    where: Server | Subject, api: Api, model: str | None, tags: tuple[str, ...]
) -> Iterator[tuple[Subject, GrpcClient | RestClient]]:
    """Yield the subject and its client over this API; a client that was made here is closed again."""
    if isinstance(where, Subject):
        client = where.grpc if api == "grpc" else where.rest
        if client is None:
            raise UsageError(f"model {where.model!r} has no {api} address; choose the other api")
        yield where, client
        return
    endpoint = where.endpoint if model is None else where.endpoint_of(model)
    if (endpoint.grpc if api == "grpc" else endpoint.rest) is None:
        raise UsageError(f"model {endpoint.model!r} has no {api} address; choose the other api")
    with open_client(endpoint, api) as client:
        signatures = {name: one for name, one in client.signatures().items() if not one.is_internal}
        layout, notes = served_files(where, endpoint.model, tags, client.model_status())
        yield (
            Subject(
                model=endpoint.model,
                signatures=signatures,
                version_dir=None if layout is None else layout.path,
                tags=tags,
                notes=tuple(notes),
                options=CheckOptions(),
            ),
            client,
        )
