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
from harness.checks.fuzz.refusals import check_refusals, mutations_of_inputs, mutations_of_method
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

_LIMIT_S = 6.0  # for all requests that fit; those of a small model take less


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
    for (signature, api), why in obstacles.items():
        if why:
            yield subject.left_out("fuzz", f"{signature.name} over {API_NAMES[api]}", why)


def _spoilt_as_such(arena: Arena) -> Iterator[Finding]:
    """Spoil what is no matter of one signature, once for each method."""
    first = {_method(signature): signature for signature in reversed([*arena.subject.signatures.values()])}
    for method, signature in sorted(first.items()):
        for api in arena.apis:
            where = f"{method} over {API_NAMES[api]}, spoilt requests"
            yield from check_refusals(arena, _base(arena, signature, api, {}), api, mutations_of_method(api), where)


def _spoilt_inputs(arena: Arena, cases: list[Case]) -> Iterator[Finding]:
    for signature, api in cases:
        base = _base(arena, signature, api, _made_up(arena, signature))
        where = f"{signature.name} over {API_NAMES[api]}, spoilt inputs"
        yield from check_refusals(arena, base, api, mutations_of_inputs(api, base), where)


def _fitting(arena: Arena, cases: list[Case]) -> Iterator[Finding]:
    """Share the time among the cases; what one does not need is left to the others."""
    until_s = time.monotonic() + _LIMIT_S
    for index, (signature, api) in enumerate(cases):
        share_s = (until_s - time.monotonic()) / (len(cases) - index)
        yield from check_valid(
            arena, signature, api, count=arena.subject.options.fuzz_examples, limit_s=max(share_s, 0.0)
        )


def _other_shapes(arena: Arena, cases: list[Case]) -> Iterator[Finding]:
    predicting = [(signature, api) for signature, api in cases if _method(signature) == "predict"]
    if predicting and not arena.is_own:
        why = "they have ended genuine servers, and no server of the check's own can be started"
        yield arena.subject.left_out("fuzz", "inputs of other shapes", why)
        return
    for signature, api in predicting:
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
