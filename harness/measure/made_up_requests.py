"""Made-up requests for load: not one but many different ones, and ones of growing payload."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.checks.gather import Graph
from harness.checks.made_up import Maker, find_extent
from harness.checks.request import ask
from harness.checks.rest_form import rest_obstacle
from harness.checks.rows import batch_obstacle, content_of
from harness.errors import CallError, UsageError
from harness.measure.material import Material, Recorded
from harness.report.text import clip, one_line
from harness.signatures import DEFAULT_SIGNATURE, pick_signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.checks.extents import Extent
    from harness.checks.request import Request
    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.signatures import Signature

__all__ = ["Growth", "grow", "make_up_many"]

_SIZES = (1, 4, 16, 64, 256, 1024, 4096)
_MOST_ELEMENTS = 1_000_000  # of one request
_DRAWS = 4  # for each different request that is wanted
_LONGEST = 200
_TRY_S = 20.0


def make_up_many(
    subject: Subject,
    client: GrpcClient | RestClient,
    *,
    signature: str | None = None,
    batch_size: int | None = None,
    count: int = 16,
    seed: int = 0,
) -> Material:
    """Return made-up requests to one signature, all different.

    Args:
        subject: the model; its files tell what strings should hold.
        client: over the API of the load; asked which sizes the model takes.
        signature: None for the default one, or the first that this API can call if there is none.
        batch_size: examples in each, where the signature leaves it open; None for one, or for more where the model
            takes no single one.
        count: how many; fewer if no more different ones can be drawn.
        seed: same seed, same requests.

    Raises:
        SignatureError: the model has no such signature.
        UsageError: nothing that the model takes can be made up, or nothing is asked for.
    """
    maker, notes = _maker(subject, client, signature)
    extent = _first_extent(maker, client, seed)
    if maker.freedom.rows and not _fixed_batch(maker):
        extent = replace(extent, rows=batch_size) if batch_size else _one_row(maker, client, extent, seed)
    requests = _different(maker, extent, count=count, seed=seed)
    if len(requests) < count:
        notes.append(f"of {count} requests wanted {len(requests)} could be made up: no more of them differ")
    source = requests[0].source
    return Material(asked=tuple(Recorded(request=one) for one in requests), source=source, notes=tuple(notes))


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Requests whose payload grows.

    Attributes:
        material: requests by the size of every dimension that the signature leaves open besides the batch.
        refused: why, by size, for sizes that the model does not take.
    """

    material: Mapping[int, Material]
    refused: Mapping[int, str] = field(default_factory=dict)


def grow(
    subject: Subject,
    client: GrpcClient | RestClient,
    *,
    sizes: Sequence[int] | None = None,
    signature: str | None = None,
    batch_size: int | None = None,
    count: int = 4,
    seed: int = 0,
) -> Growth:
    """Return made-up requests in each of several sizes of the open dimensions, e.g. height and width of a picture.

    Args:
        subject: see `make_up_many`.
        client: see `make_up_many`; asked once in each size.
        sizes: which; None for powers of 4 up to a million values in a request.
        signature: see `make_up_many`.
        batch_size: see `make_up_many`.
        count: how many requests in each size.
        seed: same seed, same requests.

    Raises:
        SignatureError: the model has no such signature.
        UsageError: the signature leaves nothing open besides the batch, or the model takes fewer than two sizes.
    """
    maker, notes = _maker(subject, client, signature)
    name = maker.signature.name
    if not maker.freedom.sizes:
        inputs = "; ".join(map(str, maker.signature.inputs))
        raise UsageError(f"signature {name!r} leaves no size open besides the batch: {inputs}; nothing can grow")
    base = _first_extent(maker, client, seed)
    if not _fixed_batch(maker):
        base = replace(base, rows=batch_size or 1)
    material: dict[int, Material] = {}
    refused: dict[int, str] = {}
    for size in sizes if sizes is not None else _usual_sizes(maker, base):
        extent = replace(base, open_size=size)
        why = _refusal(client, maker.request(extent, seed=seed, is_varied=True))
        if why:
            refused[size] = why
            continue
        requests = _different(maker, extent, count=count, seed=seed)
        asked = tuple(Recorded(request=one) for one in requests)
        material[size] = Material(asked=asked, source=requests[0].source, notes=tuple(notes))
    if len(material) < 2:
        told = "; ".join(f"{size}: {why}" for size, why in refused.items())
        raise UsageError(f"signature {name!r} takes {len(material)} of the sizes, so nothing can grow ({told})")
    return Growth(material=material, refused=refused)


def _usual_sizes(maker: Maker, base: Extent) -> list[int]:
    return [size for size in _SIZES if maker.freedom.elements(replace(base, open_size=size)) <= _MOST_ELEMENTS]


def _maker(subject: Subject, client: GrpcClient | RestClient, wanted: str | None) -> tuple[Maker, list[str]]:
    signature, notes = _signature(subject, client, wanted)
    texts = Graph(subject.version_dir, subject.tags).texts(signature)
    return Maker(signature=signature, texts=texts), notes


def _signature(subject: Subject, client: GrpcClient | RestClient, wanted: str | None) -> tuple[Signature, list[str]]:
    if wanted is not None:
        signature = pick_signature(subject.signatures, wanted)
        if client.api == "rest" and (why := rest_obstacle(signature)):
            raise UsageError(f"signature {wanted!r} cannot be called over rest: {why}; use gRPC")
        return signature, []
    ordered = sorted(subject.signatures.values(), key=lambda one: one.name != DEFAULT_SIGNATURE)
    obstacles = {one.name: rest_obstacle(one) if client.api == "rest" else "" for one in ordered}
    chosen = next((one for one in ordered if not obstacles[one.name]), None)
    if chosen is None:
        told = "; ".join(f"{name}: {why}" for name, why in obstacles.items()) or "it has none"
        raise UsageError(f"no signature of model {subject.model!r} can be called over {client.api}: {told}")
    notes = [] if chosen.name == DEFAULT_SIGNATURE else [f"requests are made up for signature {chosen.name!r}"]
    return chosen, notes


def _fixed_batch(maker: Maker) -> bool:
    return maker.method == "predict" and bool(batch_obstacle(maker.signature))


def _first_extent(maker: Maker, client: GrpcClient | RestClient, seed: int) -> Extent:
    extent, why_not = find_extent(maker, client, seed=seed)
    if extent is None:
        raise UsageError(f"signature {maker.signature.name!r}: {why_not}")
    return extent


def _one_row(maker: Maker, client: GrpcClient | RestClient, extent: Extent, seed: int) -> Extent:
    """Return the extent with a single row, if the model takes that."""
    single = replace(extent, rows=1)
    return single if not _refusal(client, maker.request(single, seed=seed, is_varied=True)) else extent


def _refusal(client: GrpcClient | RestClient, request: Request) -> str:
    try:
        ask(client, request, timeout_s=_TRY_S)
    except CallError as exc:
        return clip(one_line(str(exc)), _LONGEST)
    return ""


def _different(maker: Maker, extent: Extent, *, count: int, seed: int) -> list[Request]:
    if count < 1:
        raise UsageError(f"count must be at least 1, got {count}")
    found: dict[object, Request] = {}
    for drawn in np.random.SeedSequence(seed).generate_state(_DRAWS * count, np.uint64):
        request = maker.request(extent, seed=int(drawn), is_varied=True)
        found.setdefault(content_of(request), request)
        if len(found) == count:
            break
    return list(found.values())
