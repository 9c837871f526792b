"""Fuzz: requests drawn from the signatures, right ones and spoilt ones.

What fits the signature must be answered, or refused by an op of the model; what is spoilt must be refused with the
server's own code and text; and afterwards the server must answer as before. hypothesis draws the requests, from
strategies that serve other tests too (``harness.checks.fuzz.strategies``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.checks.fuzz.aftermath import Before
from harness.checks.fuzz.arena import API_NAMES, Arena
from harness.checks.fuzz.mutations import Base
from harness.checks.fuzz.refusals import EXPECTED, Refusals, check_refusals, mutations_of_inputs, mutations_of_method
from harness.checks.fuzz.shapes import check_shapes
from harness.checks.fuzz.strategies import fits
from harness.checks.fuzz.valid import check_valid, obstacle
from harness.checks.guess import guess_inputs
from harness.checks.request import METHOD_OF_NAME
from harness.clients.inputs import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from harness.checks.request import Method
    from harness.checks.subject import Subject
    from harness.findings import Finding
    from harness.signatures import Signature

    Case = tuple[Signature, str]  # a signature over an API

__all__ = ["check"]

_LIMIT_S = 8.0  # for all requests that fit; those of a small model take less
_FULL_CASES = 16  # signatures over APIs that get the full number of requests; more share that many
_MOST_ROUNDS = 5
_ROUNDS = 40


def check(subject: Subject) -> list[Finding]:
    """Fuzz a server of the check's own, or, where none can be started, the one under check.

    Raises:
        ServerError: a server of its own did not become ready.
    """
    with Arena(subject) as arena:
        before = Before(arena)
        arena.limit_s = before.limit_s
        obstacles = {
            (signature, api): obstacle(arena, signature, api)
            for signature in subject.signatures.values()
            for api in arena.apis
        }
        cases = [case for case, why in obstacles.items() if not why]
        return [
            *_left_out(subject, obstacles),
            *_spoilt_as_such(arena),
            *_spoilt_inputs(arena, cases),
            *_fitting(arena, cases),
            *_other_shapes(arena, cases),
            *before.findings(),
        ]


def _left_out(subject: Subject, obstacles: Mapping[Case, str]) -> Iterator[Finding]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for (signature, api), why in obstacles.items():
        if why:
            reasons.setdefault((signature.name, why), []).append(API_NAMES[api])
    for (name, why), apis in reasons.items():
        yield subject.left_out("fuzz", f"{name} over {' and '.join(apis)}", why)


def _spoilt_as_such(arena: Arena) -> Iterator[Finding]:
    """Spoil what is no matter of one signature, once for each method."""
    first = {_method(signature): signature for signature in reversed([*arena.subject.signatures.values()])}
    for method, signature in sorted(first.items()):
        found = {
            api: check_refusals(
                arena,
                _base(arena, signature, api, {}),
                api,
                mutations_of_method(api),
                where=f"{method}, spoilt requests",
                rounds=_MOST_ROUNDS,
            )
            for api in arena.apis
        }
        yield from _refused(arena, f"{method}, spoilt requests", found)


def _spoilt_inputs(arena: Arena, cases: list[Case]) -> Iterator[Finding]:
    rounds = max(1, min(_MOST_ROUNDS, _ROUNDS // max(1, len(cases))))
    found: dict[str, dict[str, Refusals]] = {}
    for signature, api in cases:
        base = _base(arena, signature, api, _made_up(arena, signature))
        where = f"{signature.name}, spoilt inputs"
        mutations = mutations_of_inputs(api, base)
        found.setdefault(where, {})[api] = check_refusals(arena, base, api, mutations, where=where, rounds=rounds)
    for where, by_api in found.items():
        yield from _refused(arena, where, by_api)


def _refused(arena: Arena, where: str, found: Mapping[str, Refusals]) -> Iterator[Finding]:
    """One finding if all is well, else one for each kind that is not."""
    failed = [finding for refusals in found.values() for finding in refusals.failed]
    kinds = [f"{len(refusals.names)} kinds over {API_NAMES[api]}" for api, refusals in found.items() if refusals.names]
    yield from failed
    if kinds and not failed:
        names = dict.fromkeys(name for refusals in found.values() for name in refusals.names)
        yield arena.subject.finding(
            "fuzz",
            where,
            good=f"refused as they should be: {', '.join(kinds)}",
            tried=f"send requests with {', '.join(names)}",
            expected=EXPECTED,
        )


def _fitting(arena: Arena, cases: list[Case]) -> Iterator[Finding]:
    """Share requests and time among the cases; time that one does not need is left to the others."""
    most = arena.subject.options.fuzz_examples
    if not most:
        yield arena.subject.left_out("fuzz", "requests that fit", "0 of them were asked for")
        return
    count = most if len(cases) <= _FULL_CASES else max(1, most * _FULL_CASES // len(cases))
    until_s = time.monotonic() + _LIMIT_S
    cut_short = []
    for index, (signature, api) in enumerate(cases):
        share_s = max(0.0, (until_s - time.monotonic()) / (len(cases) - index))
        findings, asked = check_valid(arena, signature, api, count=count, limit_s=share_s)
        yield from findings
        if asked is not None:
            cut_short.append(f"{signature.name} over {API_NAMES[api]} after {asked}")
    if cut_short:
        why = f"of {count} requests not all were sent, as the time was up: {', '.join(cut_short)}"
        yield arena.subject.left_out("fuzz", "requests that fit", why)


def _other_shapes(arena: Arena, cases: list[Case]) -> Iterator[Finding]:
    """Each signature over one API: what the graph gets is the same over both."""
    apis = {signature: api for signature, api in reversed(cases) if _method(signature) == "predict"}
    if apis and not arena.is_own:
        why = "they have ended genuine servers, and no server of the check's own can be started"
        yield arena.subject.left_out("fuzz", "inputs of other shapes", why)
        return
    for signature, api in reversed(apis.items()):
        yield from check_shapes(arena, _base(arena, signature, api, _known(arena, signature)), api)


def _method(signature: Signature) -> Method:
    return METHOD_OF_NAME.get(signature.method_name, "predict")


def _base(arena: Arena, signature: Signature, api: str, inputs: Mapping[str, np.ndarray]) -> Base:
    endpoint = arena.client(api).endpoint
    target = Target(model=endpoint.model, version=endpoint.version, label=endpoint.label, signature_name=signature.name)
    return Base(target=target, signature=signature, method=_method(signature), inputs=inputs)


def _made_up(arena: Arena, signature: Signature) -> Mapping[str, np.ndarray]:
    return guess_inputs(signature, seed=arena.subject.options.seed) if _method(signature) == "predict" else {}


def _known(arena: Arena, signature: Signature) -> Mapping[str, np.ndarray]:
    """Return known inputs that fit the signature, as an op is likely to take those; else some that are made up."""
    known = (one.inputs for one in arena.subject.requests if one.signature_name == signature.name)
    return next((one for one in known if fits(signature, one)), None) or _made_up(arena, signature)
