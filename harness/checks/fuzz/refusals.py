"""Requests that are spoilt: each must be refused with the right code and text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.fuzz import grpc_mutations, rest_mutations
from harness.checks.fuzz.arena import API_NAMES
from harness.checks.fuzz.hunt import hunt
from harness.checks.reproduce import again_line, send_line
from harness.errors import CallError, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.checks.fuzz.arena import Arena
    from harness.checks.fuzz.faults import Fault
    from harness.checks.fuzz.hunt import Catch
    from harness.checks.fuzz.mutations import Base, Mutation, Raw
    from harness.findings import Finding

__all__ = ["check_refusals", "mutations_of_inputs", "mutations_of_method"]

_TRIES = 5
_LIMIT_S = 5.0


def mutations_of_method(api: str) -> tuple[Mutation, ...]:
    """Return what can be wrong with a request whatever its signature."""
    return grpc_mutations.OF_METHOD if api == "grpc" else rest_mutations.OF_METHOD


def mutations_of_inputs(api: str, base: Base) -> tuple[Mutation, ...]:
    """Return what can be wrong with a request's inputs or examples."""
    if base.method == "predict":
        return grpc_mutations.OF_PREDICT if api == "grpc" else rest_mutations.OF_PREDICT
    return grpc_mutations.OF_EXAMPLES if api == "grpc" else rest_mutations.OF_EXAMPLES


def check_refusals(arena: Arena, base: Base, api: str, mutations: Iterable[Mutation], where: str) -> list[Finding]:
    """Send spoilt requests; one finding for each kind that is not refused as it should be, or one that all are.

    Args:
        arena: what to ask.
        base: the request that is spoilt.
        api: ``grpc`` or ``rest``.
        mutations: the ways to spoil it.
        where: what the findings call it.
    """
    subject, refused, failed = arena.subject, [], []
    for mutation in mutations:
        strategy = mutation.make(base)
        if strategy is None or arena.is_lost:
            continue
        seed = f"{subject.options.seed} {mutation.name}"
        judge = _Judge(arena, api, mutation)
        found = hunt(strategy, judge, key=_key, seed=seed, examples=_TRIES, limit_s=_LIMIT_S, most=1)
        failed += [_failed(arena, api, mutation, catch, where) for catch in found.catches]
        refused += [mutation.name] if not found.catches else []
    good = f"refused as they should be: {', '.join(refused)}"
    return failed or ([subject.finding("fuzz", where, good=good, expected=_EXPECTED)] if refused else [])


_EXPECTED = "a refusal with the code and the text of tensorflow_model_server"


class _Judge:
    def __init__(self, arena: Arena, api: str, mutation: Mutation) -> None:
        self._arena = arena
        self._api = api
        self._mutation = mutation

    def __call__(self, request: Raw) -> Fault | None:
        if self._arena.is_lost:
            return None
        client = self._arena.client(self._api)
        try:
            client.send(request.where, request.body, timeout_s=self._arena.limit_s)
        except StatusError as exc:
            return self._mutation.fault_of(request, exc)
        except CallError as exc:
            return self._arena.fault_of(exc)
        return self._mutation.fault_of(request, None)


def _key(request: Raw) -> tuple[str, bytes]:
    return request.where, request.body


def _failed(arena: Arena, api: str, mutation: Mutation, catch: Catch[Raw], where: str) -> Finding:
    subject, request = arena.subject, catch.example
    (client,) = [one for one in subject.clients if one.api == api]
    return subject.finding(
        "fuzz",
        f"{where}: {mutation.name}",
        problem=catch.fault.text,
        severity=catch.fault.severity,
        tried=f"send a request over {API_NAMES[api]} with {mutation.name} to {request.where}",
        expected=_EXPECTED,
        reproduce=(send_line(client, request.where, request.body), again_line("fuzz", subject.options.seed)),
    )
