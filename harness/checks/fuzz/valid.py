"""Requests that fit the signature: they must be answered, or refused by an op of the model."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from harness.checks.fuzz.arena import API_NAMES, END
from harness.checks.fuzz.corners import corners
from harness.checks.fuzz.faults import BY_NO_OP, NO_ANSWER, Fault
from harness.checks.fuzz.hunt import hunt
from harness.checks.fuzz.strategies import examples, inputs
from harness.checks.parity import rest_obstacle
from harness.checks.reproduce import again_line, request_line, request_text
from harness.checks.request import METHOD_OF_NAME, Request, ask
from harness.errors import CallError, TensorError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import numpy as np
    from hypothesis.strategies import SearchStrategy

    from harness.checks.fuzz.arena import Arena
    from harness.checks.fuzz.hunt import Catch, Hunt
    from harness.findings import Finding
    from harness.signatures import Signature

__all__ = ["check_valid", "obstacle"]

_MOST_ENDS = 6  # each one costs the start of a server; smaller examples are not looked for then
_QUANTISED = ("qint", "quint")


def obstacle(arena: Arena, signature: Signature, api: str) -> str:
    """Return why requests that fit cannot be made up for a signature, or sent over an API; empty if they can."""
    subject = arena.subject
    if METHOD_OF_NAME.get(signature.method_name, "predict") != "predict":
        known = [request for request in subject.requests if request.signature_name == signature.name]
        return "" if known else subject.unexercised.get(signature.name, "no request with tf.Examples is known")
    quantised = [spec.name for spec in signature.inputs if spec.dtype.startswith(_QUANTISED)]
    if quantised:
        return f"input {quantised[0]!r} is quantised, and arrays are sent as plain integers"
    try:
        inputs(signature)
    except TensorError as exc:
        return str(exc)
    if api == "rest":
        no_inputs = "" if signature.inputs else "REST cannot call a signature without inputs (behaviour item 137)"
        return rest_obstacle(signature) or no_inputs
    return ""


def check_valid(
    arena: Arena, signature: Signature, api: str, *, count: int, limit_s: float
) -> tuple[list[Finding], int | None]:
    """Send requests that fit.

    Args:
        arena: what to ask.
        signature: one that ``obstacle`` has nothing against.
        api: ``grpc`` or ``rest``.
        count: how many requests to draw.
        limit_s: when to draw no more.

    Returns:
        One finding for each kind of fault, or one that all is well; and how many requests were sent until the time was
        up, None if that was time enough.
    """
    subject = arena.subject
    judge = _Judge(arena, api)
    found = _hunt(arena, signature, api, judge, count=count, limit_s=limit_s)
    where = f"{signature.name} over {API_NAMES[api]}, requests that fit"
    tried = f"send requests drawn from the signature with seed {subject.options.seed}"
    findings = [_failed(arena, api, catch, where, tried) for catch in found.catches]
    if not findings and judge.tally:
        good = f"{judge.tally.total()} requests: " + ", ".join(f"{n} {what}" for what, n in judge.tally.items())
        findings = [subject.finding("fuzz", where, good=good, tried=tried, expected=_EXPECTED)]
    return findings, found.asked if found.was_cut_short else None


def _hunt(arena: Arena, signature: Signature, api: str, judge: _Judge, *, count: int, limit_s: float) -> Hunt[Request]:
    """Try the corners first, which are few and need no luck, then what is drawn."""
    known = [request for request in arena.subject.requests if request.signature_name == signature.name]
    seed = f"{arena.subject.options.seed} {signature.name}"
    until_s = time.monotonic() + limit_s
    first = _corners(arena, signature, known)
    cornered = hunt(
        st.sampled_from(first),
        judge,
        key=_key,
        seed=seed,
        examples=2 * len(first) + 1,
        limit_s=limit_s,
    )
    drawn = hunt(
        _requests(arena, signature, known, api),
        judge,
        key=_key,
        seed=seed,
        examples=count,
        limit_s=until_s - time.monotonic(),
    )
    return drawn.joined(cornered)


_EXPECTED = "an answer, or a refusal by an op of the model"


def _failed(arena: Arena, api: str, catch: Catch[Request], where: str, tried: str) -> Finding:
    subject = arena.subject
    (client,) = [one for one in subject.clients if one.api == api]
    return subject.finding(
        "fuzz",
        where,
        problem=f"{catch.fault.text}\n  the smallest such request found: {request_text(catch.example)}",
        severity=catch.fault.severity,
        tried=tried,
        expected=_EXPECTED,
        reproduce=(request_line(client, catch.example), again_line("fuzz", subject.options.seed)),
    )


def _requests(arena: Arena, signature: Signature, known: list[Request], api: str) -> SearchStrategy[Request]:
    if METHOD_OF_NAME.get(signature.method_name, "predict") != "predict":
        return examples(known)
    drawn = inputs(
        signature,
        near=[request.inputs for request in known],
        min_size=_min_size(arena),
        leave_out_defaults=api == "grpc",
    )
    return drawn.map(lambda arrays: _request(signature, arrays))


def _corners(arena: Arena, signature: Signature, known: list[Request]) -> list[Request]:
    if METHOD_OF_NAME.get(signature.method_name, "predict") != "predict":
        return known
    found = corners(signature, near=[request.inputs for request in known], min_size=_min_size(arena))
    return [_request(signature, arrays) for arrays in found]


def _min_size(arena: Arena) -> int:
    return 1 if arena.is_batching else 0


def _request(signature: Signature, arrays: Mapping[str, np.ndarray]) -> Request:
    return Request(signature_name=signature.name, inputs=arrays, source="fuzz")


class _Judge:
    """Sends a request and says what is wrong with the answer, if anything; counts what came."""

    def __init__(self, arena: Arena, api: str) -> None:
        self._arena = arena
        self._api = api
        self._ends = 0
        self.tally: Counter[str] = Counter()

    def __call__(self, request: Request) -> tuple[Fault, ...]:
        if self._arena.is_lost or self._ends == _MOST_ENDS:
            return ()
        outcome = self._outcome(request)
        if isinstance(outcome, Fault):
            self._ends += outcome.kind == END
            return (outcome,)
        self.tally[outcome] += 1
        return ()

    def _outcome(self, request: Request) -> Fault | str:
        if self._api == "rest" and not all(map(_json_keeps, request.inputs.values())):
            return "not sent, as JSON shows no such shape"
        try:
            ask(self._arena.client(self._api), request, timeout_s=self._arena.limit_s)
        except CallError as exc:
            fault = self._arena.fault_of(exc)
            return "refused by an op" if fault is None or _is_cut_by(request, fault) else self._excused(request, fault)
        return "answered"

    def _excused(self, request: Request, fault: Fault) -> Fault:
        """A server that puts requests together never answers one without rows (behaviour item 181)."""
        has_no_rows = any(array.ndim and not len(array) for array in request.inputs.values())
        if fault.kind != NO_ANSWER or not has_no_rows or self._arena.is_batching is False:
            return fault
        text = f"{fault.text}; tensorflow_model_server with --enable_batching answers no request without rows"
        return Fault(kind=f"{fault.kind} without rows", text=text, severity="warning")


def _json_keeps(array: np.ndarray) -> bool:
    """Whether nested lists show the shape: an empty one hides the dimensions inside it."""
    return 0 not in array.shape[:-1]


def _is_cut_by(request: Request, fault: Fault) -> bool:
    """Whether a refusal may lack its end, where the op is named: texts that quote a NUL byte end there on some ways."""
    is_refusal = fault.kind.endswith(BY_NO_OP)
    return is_refusal and any(
        b"\0" in element
        for array in request.inputs.values()
        if array.dtype == object
        for element in array.reshape(-1).tolist()
    )


def _key(request: Request) -> Hashable:
    return (_arrays_key(request.inputs), repr(request.examples))


def _arrays_key(arrays: Mapping[str, np.ndarray]) -> Hashable:
    return tuple(
        (name, array.shape, tuple(array.reshape(-1)) if array.dtype == object else array.tobytes())
        for name, array in arrays.items()
    )
