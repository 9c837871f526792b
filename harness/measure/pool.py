"""RequestPool: many different requests for one API, encoded once, and what they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.checks.parity import rest_obstacle
from harness.checks.rest_form import request_obstacle
from harness.checks.rows import batch_obstacle
from harness.errors import TensorError, UsageError
from harness.load import EncodedRequest
from harness.measure.batch_size import with_batch_size
from harness.measure.material import Recorded
from harness.report.text import plural
from harness.signatures import pick_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.checks.noise import Noise
    from harness.checks.request import Method, Request
    from harness.clients import GrpcClient, RestClient
    from harness.results.measured import Api
    from harness.signatures import Signature

__all__ = ["RequestPool", "encode_request", "make_pool"]

_METHODS: tuple[Method, ...] = ("predict", "classify", "regress")


@dataclass(frozen=True, kw_only=True)
class RequestPool:
    """What a load run sends.

    Attributes:
        api: ``grpc`` or ``rest``.
        method: ``predict``, ``classify`` or ``regress``.
        encoded: the requests as they go over the wire, in the order of `requests`.
        requests: what they ask.
        source: where they come from, for people, e.g. ``24 requests: the model's warm-up records``.
        batch_size: examples in each request, None if not known or not the same in all.
        at_s: for requests of a log, when each arrived, in seconds from the first; empty otherwise.
        recorded: what is recorded of each request, in the same order.
        signatures: those the requests are for, by name.
        noise: how far right answers may lie apart, by signature name; a missing one has the usual noise.
        notes: which requests were left out and why, and what else the reader should know.
    """

    api: Api
    method: Method
    encoded: tuple[EncodedRequest, ...] = field(repr=False)
    requests: tuple[Request, ...] = field(default=(), repr=False)
    source: str = ""
    batch_size: int | None = None
    at_s: tuple[float, ...] = field(default=(), repr=False)
    recorded: tuple[Recorded, ...] = field(default=(), repr=False)
    signatures: Mapping[str, Signature] = field(default_factory=dict, repr=False)
    noise: Mapping[str, Noise] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    @property
    def payload_bytes(self) -> int:
        """Mean size of the requests' bodies, rounded."""
        return round(sum(len(each.body) for each in self.encoded) / len(self.encoded))


def make_pool(
    client: GrpcClient | RestClient,
    requests: Sequence[Request | Recorded],
    *,
    source: str,
    batch_size: int | None = None,
    signature: str | None = None,
    method: Method | None = None,
    noise: Mapping[str, Noise] | None = None,
    notes: Sequence[str] = (),
) -> RequestPool:
    """Return requests encoded for a client's API, each just as that client would send it.

    A pool is of one method; requests that are for another, and those that the API cannot carry, are left out, and the
    pool's notes tell which and why.

    Args:
        client: of the model, over the API that the load is for.
        requests: what to ask, in the order in which it is to be sent.
        source: where they come from, for people.
        batch_size: examples in each request, made by cutting and joining theirs; None for as many as each has.
        signature: only requests to this signature; None for those to any.
        method: only requests of this method; None for the one that most of them have.
        noise: how far right answers may lie apart, by signature name.
        notes: further notes for the pool.

    Raises:
        CallError: the server cannot be asked for its signatures.
        SignatureError: the model has no such signature.
        UsageError: no request is left, or a batch size below 1.
    """
    if batch_size is not None and batch_size < 1:
        raise UsageError(f"batch_size must be at least 1, got {batch_size}")
    signatures = client.signatures()
    if signature is not None:
        pick_signature(signatures, signature)
    asked = [each if isinstance(each, Recorded) else Recorded(request=each) for each in requests]
    sieve = _Sieve(len(asked))
    asked = sieve.kept(asked, lambda one: _stranger(one, signatures, signature))
    asked = sieve.kept(asked, lambda one: _obstacle(one, client.api, signatures, batch_size))
    chosen = method or _most_common(asked)
    asked = sieve.kept(asked, lambda one: "" if one.request.method == chosen else f"a pool is of one method, {chosen}")
    if batch_size is not None and asked:
        asked = with_batch_size(asked, batch_size)
    encoded: dict[int, EncodedRequest] = {}
    asked = sieve.kept(asked, lambda one: _encode_into(encoded, client, one))
    if not asked:
        raise UsageError(_why_empty(client.api, source, sieve))
    used = {one.request.signature_name for one in asked}
    rows = {one.request.rows for one in asked}
    return RequestPool(
        api="grpc" if client.api == "grpc" else "rest",
        method=chosen,
        encoded=tuple(encoded[id(one)] for one in asked),
        requests=tuple(one.request for one in asked),
        source=f"{plural(len(asked), 'request')}: {source}",
        batch_size=rows.pop()
        if len(rows) == 1 and not any(batch_obstacle(signatures[name]) for name in used)
        else None,
        at_s=_times(asked),
        recorded=tuple(asked),
        signatures={name: signatures[name] for name in sorted(used)},
        noise=dict(noise or {}),
        notes=(*notes, *sieve.notes),
    )


class _Sieve:
    """Lets requests pass, and counts why others did not."""

    def __init__(self, total: int) -> None:
        self._total = total
        self.reasons: Counter[str] = Counter()

    def kept(self, asked: Sequence[Recorded], why_not: Callable[[Recorded], str]) -> list[Recorded]:
        """Return those that nothing speaks against."""
        found = []
        for one in asked:
            reason = why_not(one)
            if reason:
                self.reasons[reason] += 1
            else:
                found.append(one)
        return found

    @property
    def notes(self) -> list[str]:
        """What was left out, a line for each reason, the commonest first."""
        return [f"{n} of {plural(self._total, 'request')} left out: {why}" for why, n in self.reasons.most_common()]


def _stranger(one: Recorded, signatures: Mapping[str, Signature], wanted: str | None) -> str:
    name = one.request.signature_name
    if name not in signatures:
        return f"the model has no signature {name!r}"
    return "" if wanted in {None, name} else f"it is for signature {name!r}, not for {wanted!r}"


def _obstacle(one: Recorded, api: str, signatures: Mapping[str, Signature], batch_size: int | None) -> str:
    """Return why a request cannot be sent over this API, or not in this batch size; empty if it can."""
    signature = signatures[one.request.signature_name]
    if api == "rest":
        is_predict = one.request.method == "predict"
        why = (rest_obstacle(signature) if is_predict else "") or request_obstacle(signature, one.request)
        if why:
            return why
    if batch_size is None:
        return ""
    why = batch_obstacle(signature) if one.request.method == "predict" else ""
    if not why and not one.request.rows:
        why = "its inputs share no first dimension, or hold no row: there is no batch"
    return f"{why}; leave the batch size out" if why else ""


def _most_common(asked: Sequence[Recorded]) -> Method:
    counts = Counter(one.request.method for one in asked)
    return max(_METHODS, key=lambda method: counts[method])  # the first of equals


def _encode_into(encoded: dict[int, EncodedRequest], client: GrpcClient | RestClient, one: Recorded) -> str:
    try:
        encoded[id(one)] = encode_request(client, one.request)
    except TensorError as exc:
        return str(exc)
    return ""


def encode_request(client: GrpcClient | RestClient, request: Request) -> EncodedRequest:
    """Return a request as a client would send it.

    Raises:
        TensorError: inputs that this API cannot carry.
    """
    name = request.signature_name
    if request.method == "predict":
        body = client.encode_predict(request.inputs, signature_name=name)
    else:
        encode = client.encode_classify if request.method == "classify" else client.encode_regress
        body = encode(request.examples, context=request.context, signature_name=name)
    return EncodedRequest(body=body, method=client.method_path(request.method))


def _times(asked: Sequence[Recorded]) -> tuple[float, ...]:
    """Return seconds from the first; nothing unless every request has a time."""
    times = [one.at_s for one in asked if one.at_s is not None]
    return tuple(time - times[0] for time in times) if len(times) == len(asked) else ()


def _why_empty(api: str, source: str, sieve: _Sieve) -> str:
    if not sieve.reasons:
        return f"there is no request to send ({source}); give some, e.g. with --examples FILE"
    return f"no request can be sent over {api} ({source}): {'; '.join(sieve.notes)}; give others, e.g. with --examples"
