"""Requests that are spoilt: each must be refused with the right code and text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from harness.checks.fuzz import grpc_mutations, rest_mutations
from harness.checks.fuzz.arena import API_NAMES
from harness.checks.fuzz.hunt import hunt
from harness.checks.reproduce import again_line, send_line
from harness.errors import CallError, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.checks.fuzz.arena import Arena
    from harness.checks.fuzz.faults import Fault
    from harness.checks.fuzz.hunt import Catch
    from harness.checks.fuzz.mutations import Base, Mutation, Raw
    from harness.findings import Finding

__all__ = ["EXPECTED", "Refusals", "check_refusals", "mutations_of_inputs", "mutations_of_method"]

EXPECTED = "a refusal with the code and the text of tensorflow_model_server"

_MOST_KINDS = 5
_LIMIT_S = 5.0


def mutations_of_method(api: str) -> tuple[Mutation, ...]:
    """Return what can be wrong with a request whatever its signature."""
    return grpc_mutations.OF_METHOD if api == "grpc" else rest_mutations.OF_METHOD


def mutations_of_inputs(api: str, base: Base) -> tuple[Mutation, ...]:
    """Return what can be wrong with a request's inputs or examples."""
    if base.method == "predict":
        return grpc_mutations.OF_PREDICT if api == "grpc" else rest_mutations.OF_PREDICT
    return grpc_mutations.OF_EXAMPLES if api == "grpc" else rest_mutations.OF_EXAMPLES


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """How a server refuses over one API.

    Attributes:
        names: what was wrong with the requests.
        failed: a finding for each kind of request that is not refused as it should be.
    """

    names: tuple[str, ...] = ()
    failed: tuple[Finding, ...] = ()


def check_refusals(
    arena: Arena, base: Base, api: str, mutations: Iterable[Mutation], *, where: str, rounds: int
) -> Refusals:
    """Send spoilt requests and look how they are refused.

    Args:
        arena: what to ask.
        base: the request that is spoilt.
        api: ``grpc`` or ``rest``.
        mutations: the ways to spoil it.
        where: what the findings call it.
        rounds: how many requests to draw for each way.
    """
    subject = arena.subject
    strategies = {mutation: strategy for mutation in mutations if (strategy := mutation.make(base)) is not None}
    if not strategies or arena.is_lost:
        return Refusals()
    judge = _Judge(arena, api, tuple(strategies))
    found = hunt(
        st.tuples(*strategies.values()),
        judge,
        key=lambda requests: requests,
        seed=f"{subject.options.seed} {where}",
        examples=rounds,
        limit_s=_LIMIT_S,
        most=_MOST_KINDS,
    )
    return Refusals(
        names=tuple(dict.fromkeys(mutation.name for mutation in strategies)),
        failed=tuple(_failed(arena, api, judge.blame[catch.fault.kind], catch, where) for catch in found.catches),
    )


class _Judge:
    """Sends one request spoilt in each way; a refusal is judged once, however often it is drawn.

    Attributes:
        blame: by kind of fault, which of the requests has it.
    """

    def __init__(self, arena: Arena, api: str, mutations: tuple[Mutation, ...]) -> None:
        self.blame: dict[str, int] = {}
        self._arena = arena
        self._api = api
        self._mutations = mutations
        self._known: dict[tuple[int, Raw], Fault | None] = {}

    def __call__(self, requests: Sequence[Raw]) -> list[Fault]:
        faults = []
        for index, request in enumerate(requests):
            if (index, request) not in self._known:
                self._known[index, request] = self._ask(self._mutations[index], request)
            fault = self._known[index, request]
            if fault is not None:
                named = replace(fault, kind=f"{self._mutations[index].name}: {fault.kind}")
                self.blame[named.kind] = index
                faults.append(named)
        return faults

    def _ask(self, mutation: Mutation, request: Raw) -> Fault | None:
        if self._arena.is_lost:
            return None
        client = self._arena.client(self._api)
        try:
            client.send(request.where, request.body, timeout_s=self._arena.limit_s)
        except StatusError as exc:
            return mutation.fault_of(request, exc)
        except CallError as exc:
            return self._arena.fault_of(exc)
        return mutation.fault_of(request, None)


def _failed(arena: Arena, api: str, index: int, catch: Catch[tuple[Raw, ...]], where: str) -> Finding:
    subject, request = arena.subject, catch.example[index]
    (client,) = [one for one in subject.clients if one.api == api]
    name = catch.fault.kind.partition(": ")[0]
    return subject.finding(
        "fuzz",
        f"{where} over {API_NAMES[api]}: {name}",
        problem=catch.fault.text,
        severity=catch.fault.severity,
        tried=f"send a request with {name} to {request.where}",
        expected=EXPECTED,
        reproduce=(send_line(client, request.where, request.body), again_line("fuzz", subject.options.seed)),
    )
