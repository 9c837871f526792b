"""Inputs of a shape that the signature does not have.

TensorFlow Serving compares no shapes with the signature: the graph gets what was sent (behaviour item 52). An answer is
therefore no error, though a caller's mistake stays unseen. That such a request ends the server has happened to genuine
ones (an image of rank 3 for a convolution), so these go to a server of the check's own only.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from harness.checks.fuzz.arena import API_NAMES
from harness.checks.fuzz.faults import Fault
from harness.checks.reproduce import again_line, request_line, request_text
from harness.checks.request import Request, ask
from harness.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checks.fuzz.arena import Arena
    from harness.checks.fuzz.mutations import Base
    from harness.findings import Finding
    from harness.signatures import TensorSpec

__all__ = ["check_shapes", "other_shapes"]

_MOST_ELEMENTS = 1_000_000


def other_shapes(spec: TensorSpec, shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield shapes that an input of the signature cannot have, close to one that it has; none of an unknown rank."""
    if spec.shape is None:
        return
    if shape:
        yield shape[1:]
    yield (1, *shape)
    for axis, fixed in enumerate(spec.shape):
        if fixed is not None:
            yield (*shape[:axis], fixed + 1, *shape[axis + 1 :])
            if fixed > 1:
                yield (*shape[:axis], fixed - 1, *shape[axis + 1 :])


def check_shapes(arena: Arena, base: Base, api: str) -> list[Finding]:
    """Send inputs of other shapes: what answers them is told, what breaks of them is a warning."""
    subject = arena.subject
    where = f"{base.signature.name} over {API_NAMES[api]}, inputs of other shapes"
    outcomes: defaultdict[str, list[str]] = defaultdict(list)
    failed: dict[str, Finding] = {}
    for name, request in _requests(base):
        if arena.is_lost:
            break
        fault = _ask(arena, api, request)
        if isinstance(fault, Fault):
            failed.setdefault(fault.kind, _failed(arena, api, request, fault, where))
        else:
            outcomes[fault].append(f"{name} {list(request.inputs[name].shape)}")
    if not outcomes:
        return list(failed.values())
    good = "; ".join(f"{outcome}: {', '.join(shapes)}" for outcome, shapes in outcomes.items())
    return [*failed.values(), subject.finding("fuzz", where, good=good, severity="info", expected=_EXPECTED)]


_EXPECTED = "a refusal by an op, or an answer: the server itself compares no shapes"


def _requests(base: Base) -> Iterator[tuple[str, Request]]:
    for name, array in base.inputs.items():
        for shape in other_shapes(base.signature.input(name), array.shape):
            if math.prod(shape) <= _MOST_ELEMENTS:
                inputs = {**base.inputs, name: np.resize(array, shape)}
                yield name, Request(signature_name=base.signature.name, inputs=inputs, source="fuzz")


def _ask(arena: Arena, api: str, request: Request) -> Fault | str:
    try:
        ask(arena.client(api), request, timeout_s=arena.limit_s)
    except CallError as exc:
        return arena.fault_of(exc) or "refused by an op"
    return "answered, as the server compares no shapes"


def _failed(arena: Arena, api: str, request: Request, fault: Fault, where: str) -> Finding:
    subject = arena.subject
    (client,) = [one for one in subject.clients if one.api == api]
    return subject.finding(
        "fuzz",
        where,
        problem=f"{fault.text}\n  the request: {request_text(request)}",
        severity="warning",
        tried="send inputs of shapes that the signature does not have",
        expected=_EXPECTED,
        reproduce=(request_line(client, request), again_line("fuzz", subject.options.seed)),
    )
